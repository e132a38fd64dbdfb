import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import {
  alpacaServer,
  deposits,
} from "../../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { serve, signIn, signUp, type Served, type SignedIn } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { ask, get, post, type At } from "../support/http.ts";
import {
  savings,
  schwabServer,
  signInAtSchwab,
} from "../../src/contexts/accounts/infrastructure/stand-ins/schwab.ts";
import { until, untilAll } from "../support/until.ts";

type Listed = { readonly items: readonly Readonly<Record<string, unknown>>[] };
const listed = (body: object) => (body as unknown as Listed).items;

describe("connections over HTTP", () => {
  let broker: Awaited<ReturnType<typeof alpacaServer>>;
  let served: Served & AsyncDisposable;
  let ada: SignedIn;
  let at: At;
  before(async () => {
    broker = await alpacaServer();
    served = await serve({ BASALT_ALPACA_URL: broker.url });
    ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    at = { url: served.url, headers: ada.headers };
  });
  after(async () => {
    await served[Symbol.asyncDispose]();
    await broker[Symbol.asyncDispose]();
  });

  const connect = (keys: object = broker.keys) =>
    post(at, "/connections", { provider: "alpaca", keys });

  test("a broker is connected, and its account has what the broker told", async () => {
    broker.activities.push(...deposits(120, "2026-01-01T00:00:00Z"));
    const providers = listed((await get(at, "/providers")).body);
    assert.deepEqual(
      providers.map(({ id }) => id),
      ["bank", "chase", "alpaca"],
    );
    const made = await connect();
    assert.equal(made.status, 201, made.text);
    assert.doesNotMatch(made.text, /s3cret|PKTEST/);
    const path = `/connections/${String(made.body["id"])}`;

    const asked = await post(at, `${path}/syncs`, {});
    assert.equal(asked.status, 202, asked.text);
    const sync = `/syncs/${String(asked.body["id"])}`;
    const stream = await fetch(`${served.url}/api/v1${sync}/progress`, { headers: ada.headers });
    const told = await stream.text();
    assert.match(told, /event: succeeded\n/);

    const { body: ended } = await get(at, sync);
    assert.deepEqual([ended["status"], ended["rows"], ended["pages"]], ["succeeded", 120, 3]);
    const [account] = listed((await get(at, "/accounts")).body);
    assert.deepEqual(
      [account?.["name"], account?.["provider"], account?.["posted"]],
      ["Alpaca brokerage ABCD", "alpaca", { amount: "1000.00", currency: "USD" }],
    );
    const lines = await get(at, `/accounts/${String(account?.["id"])}/transactions?limit=1000`);
    assert.equal(listed(lines.body).length, 120);
    const { body: connection } = await get(at, path);
    assert.equal(connection["syncedUntil"], ended["until"]);
    assert.ok(String(connection["nextSyncAt"]) > String(ended["endedAt"]));
  });

  test("a connection that is disconnected takes no sync and no other key", async () => {
    const made = await connect();
    const path = `/connections/${String(made.body["id"])}`;
    assert.equal((await post(at, `${path}/syncs`, {})).status, 202);
    for (const _ of [1, 2])
      assert.equal((await ask(at, "DELETE", path)).body["status"], "disconnected");
    for (const [where, body] of [
      ["syncs", {}],
      ["reauthorization", { keys: broker.keys }],
    ] as const) {
      const { status, body: problem } = await post(at, `${path}/${where}`, body);
      assert.deepEqual([status, problem["code"]], [409, "CONNECTION_NOT_READY"]);
    }
    const syncs = async () => listed((await get(at, `${path}/syncs`)).body);
    await untilAll(syncs, ({ endedAt }) => endedAt !== undefined);
  });

  test("keys that break a header, unknown keys and a provider that takes files only are refused", async () => {
    const broken = await connect({ id: "a", secret: "b\r\nX-Other: c" });
    assert.equal(broken.status, 400, broken.text);
    const unknown = await connect({ id: "nobody", secret: "x" });
    assert.deepEqual([unknown.status, unknown.body["code"]], [422, "KEYS_REFUSED"]);
    const files = await post(at, "/connections", { provider: "chase", keys: broker.keys });
    assert.deepEqual([files.status, files.body["code"]], [422, "PROVIDER_UNKNOWN"]);
  });

  test("a file of a provider that sends none is refused", async () => {
    const answer = await fetch(`${served.url}/api/v1/imports/statements?provider=alpaca`, {
      method: "POST",
      headers: { ...ada.headers, "content-type": "text/csv" },
      body: "a,b\n1,2\n",
    });
    assert.equal(answer.status, 422, await answer.text());
  });
});

describe("logins over HTTP", () => {
  test("an owner signs in at Schwab, in one session, and sees what they have in net worth", async () => {
    await using schwab = await schwabServer({ clock: { unixMs: () => Date.now() } });
    schwab.transactions.set("12345678", savings(new Date()));
    await using served = await serve({
      BASALT_SCHWAB_URL: schwab.url,
      BASALT_SCHWAB_APP_KEY: schwab.app.key,
      BASALT_SCHWAB_APP_SECRET: schwab.app.secret,
      BASALT_SCHWAB_REDIRECT_URL: schwab.app.redirectUrl,
    });
    const [ada, bob] = [
      await signUp(served, "ada@example.com"),
      await signUp(served, "bob@example.com"),
    ];
    await verify(served, "ada@example.com", ada);
    const at = { url: served.url, headers: ada.headers };
    const providers = listed((await get(at, "/providers")).body);
    assert.equal(providers.find(({ id }) => id === "schwab")?.["connectsWith"], "login");

    const begun = await post(at, "/connections", { provider: "schwab" });
    assert.deepEqual([begun.status, begun.body["status"]], [201, "pending"]);
    const returned = await signInAtSchwab(String(begun.body["signInAt"]));
    const theirs = await post(
      { url: served.url, headers: bob.headers },
      "/connections/callback",
      returned,
    );
    assert.equal(theirs.status, 403);
    const phone = { url: served.url, headers: (await signIn(served, "ada@example.com")).headers };
    const elsewhere = await post(phone, "/connections/callback", returned);
    assert.deepEqual([elsewhere.status, elsewhere.body["code"]], [409, "LOGIN_UNKNOWN"]);

    const done = await post(at, "/connections/callback", returned);
    assert.deepEqual([done.status, done.body["status"]], [200, "active"], done.text);
    assert.doesNotMatch(done.text, /access\.|refresh\./);
    const path = `/connections/${String(done.body["id"])}`;
    const again = await post(at, "/connections/callback", returned);
    assert.equal(again.body["code"], "LOGIN_UNKNOWN");
    await until(async () => {
      const [sync] = listed((await get(at, `${path}/syncs`)).body);
      return sync?.["status"] === "succeeded";
    });
    const { body: worth } = await get(at, "/net-worth");
    assert.deepEqual(worth["currencies"], [
      { amount: { amount: "1000.00", currency: "USD" }, accounts: 1 },
    ]);
  });
});
