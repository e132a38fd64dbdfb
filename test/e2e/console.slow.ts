import { readdirSync } from "node:fs";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import {
  adminEmail,
  launch,
  postJson,
  scratch,
  signIn,
  signUp,
  type SignedIn,
} from "../support/basalt.ts";
import { testDatabase } from "../support/database.ts";
import { api, codeOf, me } from "../support/http.ts";
import { until } from "../support/until.ts";

const newPassword = "battery staple correct";

describe("the console", () => {
  test("commands that only look make no database, and say where they have looked", async () => {
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path };
    const asked = [
      ["events", "dead"],
      ["events", "consumers"],
      ["projections", "list"],
      ["audit", "verify"],
    ];
    for (const args of asked) {
      const { code, output } = await launch(args, env).ended;
      assert.equal(code, 1, output);
      assert.ok(output.includes(`There is no database in ${folder.path}.`), output);
    }
    const doctor = await launch(["doctor"], env).ended;
    assert.deepEqual([doctor.code, /BAD {2}postgres: There is no/.test(doctor.output)], [1, true]);
    assert.deepEqual(readdirSync(folder.path), []);
  });

  test("keys are rotated without signing anybody out, and the audit is verified", async () => {
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path };
    await using basalt = launch(["start"], env);
    const served = { url: await basalt.url };
    const ada = await signUp(served, "ada@example.com");
    const kidOf = ({ accessToken }: SignedIn) =>
      (
        JSON.parse(Buffer.from(accessToken.split(".")[0] ?? "", "base64url").toString()) as {
          kid: string;
        }
      ).kid;
    const rotated = await launch(["keys", "rotate", "--json"], env).ended;
    assert.equal(rotated.code, 0, rotated.output);
    const [{ id } = { id: "" }] = JSON.parse(rotated.output) as { id: string }[];
    const jwks = async () => (await fetch(`${served.url}/.well-known/jwks.json`)).text();
    await until(async () => (await jwks()).includes(id)); // published, before it signs
    const next = await signIn(served, "ada@example.com");
    assert.equal(kidOf(next), kidOf(ada));
    assert.match(await jwks(), new RegExp(kidOf(ada)));

    const revoked = await launch(["keys", "rotate", "--revoke-old", "--json"], env).ended;
    const [{ id: only } = { id: "" }] = JSON.parse(revoked.output) as { id: string }[];
    await until(async () => (await me(served, ada)).status === 401);
    assert.equal(kidOf(await signIn(served, "ada@example.com")), only);

    const verified = await launch(["audit", "verify"], env).ended;
    assert.equal(verified.code, 0, verified.output);
    const [, head = ""] = /: (\d+:[\da-f]{64})/.exec(verified.output) ?? [];
    assert.equal((await launch(["audit", "verify", "--expect", head], env).ended).code, 0);
    const wrong = head.replace(/.$/, (last) => (last === "0" ? "1" : "0"));
    const { code, output } = await launch(["audit", "verify", "--expect", wrong], env).ended;
    assert.deepEqual([code, /Link \d+, entry \d+: it is not the one/.test(output)], [1, true]);
    assert.equal((await launch(["audit", "verify", "--expect", "1:x"], env).ended).code, 2);
  });

  test("the console appoints an administrator, whose password works once", async () => {
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path };
    await using basalt = launch(["start"], env);
    const served = { url: await basalt.url };
    for (const email of [adminEmail, "new@example.com"]) {
      const appointed = await launch(["administrator", email, "--json"], env).ended;
      const [{ password: initial } = { password: "" }] = JSON.parse(appointed.output) as {
        password: string;
      }[];
      const body = { email, password: initial };
      assert.equal(
        await codeOf(await postJson(api(served, "/sessions"), body)),
        "NEW_PASSWORD_REQUIRED",
      );
      const { headers } = await signIn(served, email, { password: initial, newPassword });
      assert.equal((await fetch(api(served, "/policies"), { headers })).status, 200);
    }
    assert.equal((await launch(["administrator", "nobody"], env).ended).code, 2);
  });

  test("the first start prints a password once, which must be replaced", async () => {
    await using folder = await scratch();
    const env = { BASALT_DATA_DIR: folder.path, BASALT_ADMIN_PASSWORD: "" };
    await using first = launch(["start"], env);
    const served = { url: await first.url };
    const [, initial = ""] = /together with a new one: (\S+)/.exec(first.output()) ?? [];
    const body = { email: adminEmail, password: initial };
    assert.equal((await postJson(api(served, "/sessions"), body)).status, 403);
    await signIn(served, adminEmail, { password: initial, newPassword });
    assert.equal((await postJson(api(served, "/sessions"), body)).status, 401);
    first.child.kill("SIGTERM");
    await first.ended;
    await using second = launch(["start"], env);
    await second.url;
    assert.doesNotMatch(second.output(), /administers/);
    await using other = await scratch();
    const weak = { BASALT_DATA_DIR: other.path, BASALT_ADMIN_PASSWORD: "short" };
    const { code, output } = await launch(["start"], weak).ended;
    assert.deepEqual([code, /BASALT_ADMIN_PASSWORD must have/.test(output)], [78, true]);
  });
});

test("a command that only reads leaves an older database as it is, and says what to do", async () => {
  await using opened = await testDatabase();
  const newest = "delete from basalt.migrations where name = '0003_import-scopes' returning name";
  assert.equal((await opened.sql(newest)).length, 1);
  const { code, output } = await launch(["events", "list"], { BASALT_DATABASE_URL: opened.url })
    .ended;
  assert.equal(code, 1);
  assert.match(output, /The database is older than this Basalt: run `basalt migrate`/);
  assert.equal(
    (await opened.sql("select from basalt.migrations where name = '0003_import-scopes'")).length,
    0,
  );
});
