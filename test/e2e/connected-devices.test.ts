import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { serve, signUp } from "#test/basalt.ts";
import { verify } from "#test/emails.ts";
import {
  basicOf,
  beginLogin,
  desktopAgent,
  poll,
  type Begun,
  type Collected,
} from "#test/device-login.ts";
import { openWebDav } from "#test/webdav.ts";

describe("a client of Nextcloud that connects by the page", () => {
  let house: Awaited<ReturnType<typeof openWebDav>>;
  before(async () => {
    house = await openWebDav();
  });
  after(() => house.served[Symbol.asyncDispose]());

  const begin = (agent?: string) => beginLogin(house.served.url, agent);
  const approve = async ({ login }: Begun) => {
    const { status, text } = await house.ask("POST", `/api/v1/users/${house.ada.userId}/devices`, {
      as: house.ada.headers.authorization,
      "content-type": "application/json",
      body: JSON.stringify({ token: login.split("/").at(-1) }),
    });
    return { status, body: JSON.parse(text) as Readonly<Record<string, unknown>> };
  };

  test("gets a password of its own, with which its files are there, and gives it up", async () => {
    const begun = await begin();
    assert.ok(begun.login.startsWith(`${house.served.url}/connect/`), begun.login);
    assert.equal((await poll(begun)).status, 404);
    const { status, body } = await approve(begun);
    assert.equal(status, 201);
    assert.deepEqual(
      [body["name"], body["scopes"]],
      [desktopAgent, ["spaces:read", "nodes:read", "nodes:update"]],
    );
    assert.equal("token" in body, false);
    const collected = (await (await poll(begun)).json()) as Collected;
    const byJson = await fetch(begun.poll.endpoint, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ token: begun.poll.token }),
    });
    assert.deepEqual(await byJson.json(), collected);
    assert.deepEqual(
      [collected.server, collected.loginName],
      [house.served.url, "ada@example.com"],
    );
    const as = basicOf(collected);
    const listed = await house.ask("PROPFIND", "/remote.php/dav/files/ada@example.com/", {
      as,
      depth: "1",
    });
    assert.match(listed.text, /My%20files/);
    const signOut = () => house.ask("DELETE", "/ocs/v2.php/core/apppassword", { as });
    assert.equal((await signOut()).status, 200);
    assert.equal((await signOut()).status, 401);
  });

  test("is told nothing where it guesses, and a session is no password that could be given up", async () => {
    const { poll: asked, login } = await begin();
    for (const token of ["", "x", "basalt_device_collection.e30.x", login.split("/").at(-1) ?? ""])
      assert.equal((await poll({ poll: { ...asked, token } })).status, 404, token);
    for (const body of ["", "null", "[", '{"token":1}']) {
      const headers = { "content-type": "application/json" };
      const answer = await fetch(asked.endpoint, { method: "POST", headers, body });
      assert.equal(answer.status, 404, body);
    }
    const large = await fetch(asked.endpoint, { method: "POST", body: "x".repeat(100_000) });
    assert.equal(large.status, 404);
    const as = house.ada.headers.authorization;
    assert.equal((await house.ask("DELETE", "/ocs/v2.php/core/apppassword", { as })).status, 404);
    assert.equal((await house.ask("POST", "/index.php/login/v2/flow", {})).status, 404);
  });

  test("is shown on a page that spells whatever the client says as text, and that nobody may frame", async () => {
    const { login } = await begin(`<img src=x onerror="alert('1')"> & more`);
    const page = await fetch(login);
    assert.equal(page.status, 200);
    assert.equal(page.headers.get("content-type"), "text/html; charset=utf-8");
    assert.match(
      page.headers.get("content-security-policy") ?? "",
      /script-src 'self'.*frame-ancestors 'none'/,
    );
    const text = await page.text();
    assert.match(text, /&lt;img src=x onerror=&quot;alert\(&#39;1&#39;\)&quot;&gt; &amp; more/);
    assert.doesNotMatch(text, /<img/);
    for (const [name, type] of [
      ["device-page.js", /^text\/javascript/],
      ["device-page.css", /^text\/css/],
    ] as const) {
      const asset = await fetch(`${house.served.url}/connect/${name}`);
      assert.match(asset.headers.get("content-type") ?? "", type);
      assert.ok(text.includes(`/connect/${name}`));
    }
  });

  test("finds no page for what was approved, forged or never asked", async () => {
    const begun = await begin();
    assert.equal((await approve(begun)).status, 201);
    const again = await approve(begun);
    assert.deepEqual([again.status, again.body["code"]], [410, "DEVICE_REQUEST_VOID"]);
    assert.deepEqual(again.body["details"], { reason: "approved" });
    const swapped = await approve({ ...begun, login: begun.poll.token });
    assert.deepEqual([swapped.status, swapped.body["details"]], [410, { reason: "unknown" }]);
    for (const url of [begun.login, `${begun.login}x`, `${house.served.url}/connect`])
      assert.equal((await fetch(url)).status, 410, url);
    assert.equal((await fetch(begun.login, { method: "HEAD" })).status, 410);
    const forged = await (await fetch(`${house.served.url}/connect/<script>`)).text();
    assert.match(forged, /does not work any more/);
    assert.doesNotMatch(forged, /<script>/);
  });

  test("finds its files by a verified address of any spelling, and by a proxy that names a zone", async () => {
    const settings = { BASALT_TRUST_PROXY: "1" };
    await using other = await openWebDav(settings);
    const email = "e6/b+c@example.com";
    const eve = await signUp(other.served, email);
    await verify(other.served, email, eve);
    const as = await other.basic(eve);
    const at = `/remote.php/dav/files/${encodeURIComponent(email)}/`;
    assert.equal((await other.ask("PROPFIND", at, { as, depth: "0" })).status, 207);
    for (const user of ["%", "%2F", ""])
      assert.equal(
        (await other.ask("PROPFIND", `/remote.php/dav/files/${user}/`, { as })).status,
        user === "%" ? 400 : 404,
        user,
      );
    const headers = { "x-forwarded-for": `fe80::1%${"z".repeat(900)}` };
    const answer = await fetch(`${other.served.url}/index.php/login/v2`, {
      method: "POST",
      headers,
    });
    const page = await fetch(((await answer.json()) as Begun).login);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<dd>fe80::1<\/dd>/);
  });

  test("is told addresses that lead below the path of the server, and one slash at a time", async () => {
    for (const end of ["", "/"]) {
      const server = "https://x.example/basalt";
      await using served = await serve({ BASALT_PUBLIC_URL: server + end });
      const begun = await beginLogin(served.url);
      assert.ok(begun.login.startsWith(`${server}/connect/basalt_device.`), begun.login);
      assert.equal(begun.poll.endpoint, `${server}/index.php/login/v2/poll`);
      const page = await (await fetch(served.url + begun.login.slice(server.length))).text();
      for (const link of [
        'src="/basalt/connect/',
        'href="/basalt/connect/',
        'data-api="/basalt/api/v1"',
      ])
        assert.ok(page.includes(link), link);
    }
  });
});
