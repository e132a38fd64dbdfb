import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret, TOTP } from "otpauth";
import pg from "pg";
import { emailsIn, tokenFrom, verify } from "../support/emails.ts";
import { pino } from "pino";
import {
  asAdmin,
  bearer,
  password,
  postJson,
  scratch,
  serve,
  signIn,
  signUp,
  type Served,
  type SignedIn,
} from "../support/basalt.ts";
import { api, codeOf, me, send } from "../support/http.ts";

type Url = Pick<Served, "url">;
const refresh = (served: Url, refreshToken: string) =>
  postJson(api(served, "/sessions/refresh"), { refreshToken });
const newPassword = "battery staple correct";

describe("sessions over HTTP", () => {
  test("a request whose body comes after the end of its session does nothing", async () => {
    await using served = await serve();
    const eve = await signUp(served, "eve@example.com");
    const { port } = new URL(served.url);
    const body = JSON.stringify({ name: "Changed" });
    const path = `/api/v1/users/${eve.userId}`;
    const head = `PATCH ${path} HTTP/1.1\r\nhost: x\r\nauthorization: ${eve.headers.authorization}\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\nconnection: close\r\n\r\n`;
    const socket = connect(Number(port), "127.0.0.1");
    let heard = "";
    socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
    socket.write(head + body.slice(0, 5));
    await sleep(100);
    const ended = await fetch(api(served, `/sessions/${eve.sessionId}`), {
      method: "DELETE",
      headers: eve.headers,
    });
    assert.equal(ended.status, 204);
    socket.write(body.slice(5));
    await once(socket, "close");
    assert.match(heard, /^HTTP\/1\.1 401 /);
    const again = await signIn(served, "eve@example.com");
    const user = await fetch(api(served, `/users/${eve.userId}`), again);
    assert.equal(((await user.json()) as { readonly name: string }).name, "Somebody");
  });

  test("a user registers, signs in, refreshes, lists devices and signs out", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    assert.equal((await me(served, ada)).status, 200);
    const renewed = await refresh(served, ada.refreshToken);
    assert.equal(renewed.status, 200);
    const { accessToken } = (await renewed.json()) as SignedIn;
    assert.equal((await me(served, { ...ada, headers: bearer(accessToken) })).status, 200);

    const sessions = api(served, `/users/${ada.userId}/sessions`);
    const listed = (await (await fetch(sessions, { headers: ada.headers })).json()) as {
      items: { id: string; agent: string; isCurrent: boolean }[];
    };
    assert.deepEqual(
      listed.items.map(({ id, agent, isCurrent }) => [id, agent, isCurrent]),
      [[ada.sessionId, "node", true]],
    );
    const out = await send("DELETE", api(served, `/sessions/${ada.sessionId}`), ada.headers);
    assert.equal(out.status, 204);
    for (const headers of [ada.headers, bearer(accessToken)]) {
      const refused = await me(served, { ...ada, headers });
      assert.equal(refused.status, 401);
      assert.match(refused.headers.get("www-authenticate") ?? "", /^Bearer/);
    }
    assert.equal((await refresh(served, ada.refreshToken)).status, 401);
  });

  test("64 concurrent refreshes of one token leave one live session and sign nobody out", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => refresh(served, ada.refreshToken)),
    );
    const bodies = (await Promise.all(answers.map((answer) => answer.json()))) as SignedIn[];
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    const [next, ...others] = new Set(bodies.map(({ refreshToken }) => refreshToken));
    assert.deepEqual(others, []);
    assert.equal((await refresh(served, next ?? "")).status, 200);
    for (const { accessToken } of bodies.slice(0, 3))
      assert.equal((await me(served, { ...ada, headers: bearer(accessToken) })).status, 200);
  });

  test("a forgotten password is reset with the emailed token, behind the second factor", async () => {
    await using folder = await scratch();
    await using served = await serve({ BASALT_DATA_DIR: folder.path });
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const totp = api(served, `/users/${ada.userId}/totp`);
    const { secret } = (await (await send("POST", totp, ada.headers)).json()) as { secret: string };
    const generator = new TOTP({ secret: Secret.fromBase32(secret) });
    const code = generator.generate();
    const typed = ` ${code.slice(0, 3)} ${code.slice(3)}`;
    const activated = await send("POST", `${totp}/activation`, ada.headers, { code: typed });
    assert.equal(activated.status, 200);

    const asked = (email: string) => postJson(api(served, "/password-resets"), { email });
    const [known, unknown] = [await asked("ada@example.com"), await asked("eve@example.com")];
    assert.deepEqual([known.status, await known.text()], [unknown.status, await unknown.text()]);
    const token = await tokenFrom(folder.path, "Choose a new password");
    const set = () => postJson(api(served, "/passwords"), { token, password: newPassword });
    assert.equal((await set()).status, 204);
    assert.equal(await codeOf(await set()), "TOKEN_REFUSED");
    assert.equal((await me(served, ada)).status, 401, "all sessions have ended");

    const signInWith = (more: object) =>
      postJson(api(served, "/sessions"), {
        email: "ada@example.com",
        password: newPassword,
        ...more,
      });
    assert.equal(await codeOf(await signInWith({})), "SECOND_FACTOR_REQUIRED");
    assert.equal(await codeOf(await signInWith({ code })), "CODE_REFUSED", "it was used");
    const next = generator.generate({ timestamp: Date.now() + 30_000 });
    assert.equal((await signInWith({ code: next })).status, 201);
    const sent = await emailsIn(folder.path);
    assert.ok(!sent.some(({ to }) => to === "eve@example.com"));
  });

  test("nobody moves an account to their own address, and its former address takes it back", async () => {
    await using folder = await scratch();
    await using served = await serve({ BASALT_DATA_DIR: folder.path });
    const admin = await asAdmin(served);
    const ada = await signUp(served, "ada@example.com");
    await verify({ url: served.url, folder: folder.path }, "ada@example.com", ada);
    const move = async (who: SignedIn, email: string) => {
      const answer = await send("PATCH", api(served, `/users/${ada.userId}`), who.headers, {
        email,
      });
      return (await answer.json()) as { email: string; pendingEmail: string };
    };
    const asked = await move(admin, "evil@example.com");
    assert.deepEqual([asked.email, asked.pendingEmail], ["ada@example.com", "evil@example.com"]);
    const subject = "Please confirm your email address";
    const evil = { token: await tokenFrom(folder.path, subject, "evil@example.com") };
    const confirmed = await postJson(api(served, "/verified-emails"), evil, admin.headers);
    assert.equal(await codeOf(confirmed), "TOKEN_REFUSED");
    await tokenFrom(folder.path, subject, "evil@example.com");

    await move(ada, "king@example.com");
    const king = { token: await tokenFrom(folder.path, subject, "king@example.com") };
    const moved = await postJson(api(served, "/verified-emails"), king, ada.headers);
    assert.equal(moved.status, 204);
    const back = await tokenFrom(folder.path, "Your email address was changed", "ada@example.com");
    const restored = await postJson(api(served, "/passwords"), { token: back, password });
    assert.equal(restored.status, 204);
    assert.equal((await me(served, ada)).status, 401);
    const again = await signIn(served, "ada@example.com");
    assert.equal((await me(served, again)).status, 200);
  });

  test("an administrator invites, disables, and gives roles; the audit knows who and from where", async () => {
    await using folder = await scratch();
    await using served = await serve({ BASALT_DATA_DIR: folder.path });
    const admin = await asAdmin(served);
    const invited = await send("POST", api(served, "/users"), admin.headers, {
      email: "ada@example.com",
      name: "Ada",
    });
    const { id } = (await invited.json()) as { id: string };
    const token = await tokenFrom(folder.path, "You are invited to Basalt");
    assert.equal((await postJson(api(served, "/passwords"), { token, password })).status, 204);
    const used = await postJson(api(served, "/passwords"), { token, password });
    assert.deepEqual([used.status, await codeOf(used)], [409, "INVITATION_ACCEPTED"]);
    const resent = await postJson(api(served, `/users/${id}/invitation`), {}, admin.headers);
    assert.deepEqual([resent.status, await codeOf(resent)], [409, "INVITATION_ACCEPTED"]);
    const ada = await signIn(served, "ada@example.com");
    assert.equal(await codeOf(await fetch(api(served, "/users"), ada)), "FORBIDDEN");

    const roles = { roles: ["member", "support"] };
    const given = await send("PUT", api(served, `/users/${id}/roles`), admin.headers, roles);
    assert.equal(given.status, 200);
    assert.equal((await fetch(api(served, "/users"), ada)).status, 200);
    const disabled = { status: "disabled" };
    const put = await send("PUT", api(served, `/users/${id}/status`), admin.headers, disabled);
    assert.equal(put.status, 200);
    assert.equal((await me(served, ada)).status, 401);

    const audit = await fetch(api(served, `/audit?target=${id}`), admin);
    const { items } = (await audit.json()) as {
      items: { operation: string; actor: string; address: string; correlationId: string }[];
    };
    assert.deepEqual(
      items.map(({ operation, actor }) => [operation, actor]),
      [
        ["identity.setUserStatus", admin.userId],
        ["identity.assignRoles", admin.userId],
        ["identity.setPassword", id],
        ["identity.registerUser", admin.userId],
      ],
    );
    assert.ok(items.every(({ address }) => address === "127.0.0.1"));
    assert.equal(items[0]?.correlationId, put.headers.get("x-request-id"));
  });

  test("an API key is shown once, records its last use, and ends when revoked", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const keys = api(served, `/users/${ada.userId}/api-keys`);
    const wanted = { name: "robot", scopes: ["users:read"], expiresInDays: 1 };
    const created = await send("POST", keys, ada.headers, wanted);
    const { id, token } = (await created.json()) as { id: string; token: string };
    const robot = { ...ada, headers: bearer(token) };
    assert.equal((await me(served, robot)).status, 200);
    assert.equal(await codeOf(await fetch(keys, robot)), "FORBIDDEN");
    type Listed = { items: { lastUsedAt?: string }[] };
    const listed = async () => (await (await fetch(keys, ada)).json()) as Listed;
    assert.doesNotMatch(JSON.stringify(await listed()), /basalt_key/);
    while ((await listed()).items[0]?.lastUsedAt === undefined) await sleep(200);
    assert.equal((await send("DELETE", api(served, `/api-keys/${id}`), ada.headers)).status, 204);
    assert.equal((await me(served, robot)).status, 401);
  });

  test("the contents of the database sign nobody in", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    await send("POST", api(served, `/users/${ada.userId}/totp`), ada.headers);
    const key = { name: "robot", scopes: [], expiresInDays: 1 };
    const keys = api(served, `/users/${ada.userId}/api-keys`);
    const idempotent = { ...ada.headers, "idempotency-key": "once" };
    const { token } = (await (await send("POST", keys, idempotent, key)).json()) as {
      token: string;
    };
    const again = (await (await send("POST", keys, idempotent, key)).json()) as { token: string };
    assert.equal(again.token, token, "a repeated request gets its first answer");

    const { rows } = await withClient(served, (client) =>
      client.query<{ dump: string }>(
        `select string_agg(dump, '\n') as dump from (
           select query_to_xml('select * from identity.' || quote_ident(tablename), true, false, '')::text as dump
             from pg_tables where schemaname = 'identity') tables`,
      ),
    );
    const dump = rows[0]?.dump ?? "";
    assert.match(dump, /argon2id/);
    const secrets = [password, token, ada.refreshToken, ada.accessToken];
    for (const secret of secrets) {
      assert.ok(!dump.includes(secret));
      assert.ok(!dump.includes(createHash("sha256").update(secret).digest("hex")));
      assert.ok(!dump.includes(secret.split(".").at(-1) ?? secret));
    }
  });

  test("a session ended in the database is refused at its next request", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    assert.equal((await me(served, ada)).status, 200);
    await withClient(served, (client) =>
      client.query("update identity.sessions set ended_at = now() where id = $1", [ada.sessionId]),
    );
    assert.equal((await me(served, ada)).status, 401);
  });
});

describe("injection", () => {
  test("user agents become one harmless line in log, audit and list", async () => {
    const lines: string[] = [];
    const log = pino({ level: "info" }, { write: (line: string) => lines.push(line) });
    await using served = await serve({}, log);
    await signUp(served, "ada@example.com");
    const agent = `curl\u00a0{"level":60,"msg":"forged"}\u0085 \u009b31m ${"x".repeat(500)}`;
    const signedIn = await postJson(
      api(served, "/sessions"),
      { email: "ada@example.com", password },
      { "user-agent": agent, "x-request-id": 'a"}\\n{"forged":true}' },
    );
    const ada = (await signedIn.json()) as SignedIn;
    const headers = bearer(ada.accessToken);
    const listed = await (
      await fetch(api(served, `/users/${ada.userId}/sessions`), { headers })
    ).text();
    assert.match(listed, /curl\?/);
    const { items } = JSON.parse(listed) as { items: { agent: string }[] };
    for (const item of items) assert.match(item.agent, /^[\x20-\x7e]{0,200}$/);
    for (const line of lines) {
      const parsed = JSON.parse(line) as { msg: string; forged?: true; level: number };
      assert.notEqual(parsed.msg, "forged");
      assert.equal(parsed.forged, undefined);
      assert.equal(line.trimEnd().includes("\n"), false);
      assert.doesNotMatch(line, new RegExp(`${password}|basalt_refresh|eyJ`));
    }
    const raw = await postJson(api(served, "/sessions"), {
      email: "ada@example.com\r\nbcc: eve@example.com",
      password,
    });
    assert.equal(raw.status, 400);
  });
});

async function withClient<T>(
  { opened }: Served,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = new pg.Client(opened.connection);
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
