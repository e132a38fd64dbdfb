import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { asAdmin, password, postJson, serve, signUp } from "../support/basalt.ts";
import { tokenFrom } from "../support/emails.ts";
import { api, codeOf, me, send } from "../support/http.ts";

const newPassword = "battery staple correct";

describe("limits over HTTP", () => {
  test("guessing at one account stops, from however many addresses; a success starts anew", async () => {
    await using served = await serve({
      BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: "3",
      BASALT_TRUST_PROXY: "1",
    });
    await signUp(served, "ada@example.com");
    let address = 0;
    const guess = (secret: string) => {
      address += 1;
      const from = { "x-forwarded-for": `6.6.6.6, 198.51.100.${address}` };
      const body = { email: " ADA@example.com", password: secret };
      return postJson(api(served, "/sessions"), body, from);
    };
    for (let round = 0; round < 2; round += 1) {
      assert.equal((await guess(newPassword)).status, 401);
      assert.equal((await guess(newPassword)).status, 401);
      assert.equal((await guess(password)).status, 201);
    }
    for (let i = 0; i < 3; i += 1) assert.equal((await guess(newPassword)).status, 401);
    const refused = await guess(password);
    assert.equal(refused.status, 429);
    assert.equal(await codeOf(refused), "TOO_MANY_REQUESTS");
    assert.ok(Number(refused.headers.get("retry-after")) > 0);
    assert.equal(refused.headers.get("ratelimit-remaining"), "0");
    assert.equal(refused.headers.get("ratelimit-limit"), "3");

    await postJson(api(served, "/password-resets"), { email: "ada@example.com" });
    const token = await tokenFrom(served.folder, "Choose a new password");
    const body = { token, password: newPassword };
    assert.equal((await postJson(api(served, "/passwords"), body)).status, 204);
    assert.equal((await guess(newPassword)).status, 201, "a used reset forgives the guesses");
  });

  test("guessing at many accounts from one address stops, whatever it claims to be", async () => {
    await using served = await serve({ BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "5" });
    const statuses: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const from = { "x-forwarded-for": `198.51.100.${i}` };
      const body = { email: `p${i}@example.com`, password };
      statuses.push((await postJson(api(served, "/sessions"), body, from)).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
    const reset = await postJson(api(served, "/password-resets"), { email: "a@example.com" });
    assert.equal(reset.status, 202, "another kind of attempt counts apart");
  });

  test("behind a proxy, the address that counts is what the proxy saw", async () => {
    await using served = await serve({
      BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "5",
      BASALT_TRUST_PROXY: "1",
    });
    const statuses: number[] = [];
    for (let i = 0; i < 7; i += 1) {
      const from = { "x-forwarded-for": `198.51.100.${i}, 203.0.113.9` };
      const body = { email: `p${i}@example.com`, password };
      statuses.push((await postJson(api(served, "/sessions"), body, from)).status);
    }
    assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429, 429]);
    const odd = { "x-forwarded-for": "no address at all" };
    await postJson(api(served, "/password-resets"), { email: "a@example.com" }, odd);
    const { headers } = await asAdmin(served);
    const audit = await fetch(api(served, "/audit?operation=identity.requestPasswordReset"), {
      headers,
    });
    assert.match(await audit.text(), /"address":"127\.0\.0\.1"/);
  });

  test("limits changes of address per user", async () => {
    await using served = await serve({ BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: "3" });
    const ada = await signUp(served, "ada@example.com");
    const patch = (body: object) =>
      send("PATCH", api(served, `/users/${ada.userId}`), ada.headers, body);
    const statuses: number[] = [];
    for (let i = 0; i < 4; i += 1)
      statuses.push((await patch({ email: `v${i}@example.com` })).status);
    assert.deepEqual(statuses, [200, 200, 200, 429]);
    assert.equal((await patch({ name: "Another" })).status, 200, "a new name is none");
  });

  test("every actor has so many requests a minute, told in headers", async () => {
    await using served = await serve({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "8" });
    const ada = await signUp(served, "ada@example.com");
    const statuses: number[] = [];
    for (let i = 0; i < 10; i += 1) statuses.push((await me(served, ada)).status);
    assert.deepEqual(statuses, [...Array<number>(8).fill(200), 429, 429]);
    const answer = await me(served, ada);
    for (const header of [
      "retry-after",
      "ratelimit-limit",
      "ratelimit-remaining",
      "ratelimit-reset",
    ])
      assert.match(answer.headers.get(header) ?? "", /^\d+$/, header);
    assert.equal((await asAdmin(served)).headers.authorization.length > 0, true, "others go on");
  });

  test("requests without a sign-in count, also where one is missing or not valid", async () => {
    await using served = await serve({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "6" });
    const asked = [
      { path: "/api/v1/me", headers: {} },
      { path: "/api/v1/me", headers: { authorization: "Bearer none" } },
      { path: "/dav/", headers: {} },
    ];
    const statuses: number[] = [];
    for (const { path, headers } of [...asked, ...asked, ...asked])
      statuses.push((await fetch(`${served.url}${path}`, { headers })).status);
    assert.deepEqual(statuses, [...Array<number>(6).fill(401), 429, 429, 429]);
  });

  test("answers 429 with Retry-After when more sign-ins arrive than can be hashed", async () => {
    await using served = await serve();
    await signUp(served, "ada@example.com");
    const answers = await Promise.all(
      Array.from({ length: 80 }, (_, i) =>
        postJson(api(served, "/sessions"), { email: `p${i}@example.com`, password }),
      ),
    );
    const busy = answers.filter(({ status }) => status === 429);
    assert.ok(busy.length > 0);
    assert.ok(busy.every(({ headers }) => headers.get("retry-after") === "2"));
    assert.equal(await codeOf(busy[0] as Response), "TOO_BUSY");
    assert.ok(answers.every(({ status }) => status === 429 || status === 401));
  });
});
