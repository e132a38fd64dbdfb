import assert from "node:assert/strict";
import net from "node:net";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { statement } from "#platform/postgres/database.ts";
import { asAdmin, postJson, serve as serveBasalt, type Served } from "../support/basalt.ts";
import { raw } from "../support/http.ts";
import { until } from "../support/until.ts";

const ada = { email: "Ada@Example.com ", name: "Ada" };
const users = ({ url }: Served) => `${url}/api/v1/users`;
const body = async (answer: Response) => (await answer.json()) as Record<string, string>;

/** A Basalt, and the headers of an administrator's requests to it. */
async function serve(env: Readonly<Record<string, string>> = {}) {
  const served = await serveBasalt(env);
  const { headers } = await asAdmin(served);
  return {
    ...served,
    headers: { ...headers },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
}

const counts = statement<{ users: number; events: number }>(
  "test.counts",
  `select (select count(*) from identity.users where email not like 'admin@%') as users,
          (select count(*) from identity.events where type = 'identity.user-registered'
              and payload ->> 'email' not like 'admin@%') as events`,
);
const stored = async ({ opened }: Served) => (await opened.database.query(counts, []))[0];

describe("users over HTTP", () => {
  test("a user is registered, read, changed and deleted", async () => {
    await using served = await serve();
    const created = await postJson(users(served), ada, served.headers);
    assert.equal(created.status, 201);
    assert.equal(created.headers.get("etag"), '"1"');
    const user = await body(created);
    assert.equal(user["email"], "ada@example.com");
    const at = served.url + created.headers.get("location");
    assert.equal(at, `${users(served)}/${user["id"]}`);

    const read = await fetch(at, served);
    assert.deepEqual(await body(read), user);
    assert.equal(
      (await fetch(at, { headers: { ...served.headers, "if-none-match": '"1"' } })).status,
      304,
    );

    const change = (etag: string, name: string) =>
      fetch(at, {
        method: "PATCH",
        headers: { ...served.headers, "content-type": "application/json", "if-match": etag },
        body: JSON.stringify({ name }),
      });
    const renamed = await change('"1"', "Ada King");
    assert.equal(renamed.status, 200);
    assert.equal(renamed.headers.get("etag"), '"2"');
    const late = await change('"1"', "Countess");
    assert.equal(late.status, 412);
    assert.equal((await body(late))["code"], "PRECONDITION_FAILED");
    assert.equal((await change("three", "Countess")).status, 400);

    const found = (await (
      await fetch(`${users(served)}?email=ADA@example.com`, served)
    ).json()) as {
      items: { name: string }[];
    };
    assert.deepEqual(
      found.items.map(({ name }) => name),
      ["Ada King"],
    );

    assert.equal((await fetch(at, { method: "DELETE", headers: served.headers })).status, 204);
    const gone = await fetch(at, served);
    assert.equal(gone.status, 404);
    const told = await body(gone);
    const userId = at.split("/").at(-1);
    assert.deepEqual([told["code"], told["details"]], ["USER_NOT_FOUND", { userId }]);
    assert.equal(told["detail"], `User not found: user id ${userId}.`);
    assert.equal((await postJson(users(served), ada, served.headers)).status, 201);
    const clash = await body(await postJson(users(served), ada, served.headers));
    assert.equal(clash["detail"], "User already exists: email ada@example.com.");
  });

  test("one of 64 racing registrations of an address gets 201 and the others 409", async () => {
    await using served = await serve();
    const answers = await Promise.all(
      Array.from({ length: 64 }, () => postJson(users(served), ada, served.headers)),
    );
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    assert.deepEqual(statuses, [201, ...Array.from({ length: 63 }, () => 409)]);
    assert.deepEqual(await stored(served), { users: 1, events: 1 });
  });

  test("one idempotency key is one user and one answer; another request with it is refused", async () => {
    await using served = await serve();
    const key = { ...served.headers, "idempotency-key": "5f0c7b7e" };
    const [first, second] = await Promise.all([
      postJson(users(served), ada, key),
      postJson(users(served), ada, key),
    ]);
    assert.deepEqual([first.status, second.status], [201, 201]);
    assert.equal(first.headers.get("location"), second.headers.get("location"));
    assert.deepEqual(await body(first), await body(second));
    const other = await postJson(users(served), { ...ada, name: "Eve" }, key);
    assert.equal(other.status, 422);
    assert.equal((await body(other))["code"], "IDEMPOTENCY_KEY_REUSED");
    assert.deepEqual(await stored(served), { users: 1, events: 1 });
  });

  test("strangers who choose the same idempotency key do not meet", async () => {
    await using served = await serve();
    const key = { "idempotency-key": "1" };
    const people = ["ada", "bob"].map((name) => ({
      email: `${name}@example.com`,
      name,
      password: "correct horse battery",
    }));
    for (const person of [...people, ...people])
      assert.equal((await postJson(users(served), person, key)).status, 201);
    assert.equal((await stored(served))?.users, 2);
  });

  test("every answer carries the security headers", async () => {
    await using served = await serve({ BASALT_ENVIRONMENT: "production" });
    const answers = await Promise.all([
      fetch(`${served.url}/health`),
      fetch(`${served.url}/nowhere`),
      fetch(users(served)),
      fetch(users(served), served),
      postJson(users(served), "{", served.headers),
    ]);
    assert.deepEqual(
      answers.map(({ status }) => status),
      [200, 404, 401, 200, 400],
    );
    for (const { headers } of answers) {
      assert.match(
        headers.get("content-security-policy") ?? "",
        /default-src 'none'; frame-ancestors/,
      );
      assert.equal(headers.get("x-content-type-options"), "nosniff");
      assert.equal(headers.get("cache-control"), "no-store");
      assert.equal(headers.get("referrer-policy"), "no-referrer");
      assert.match(headers.get("strict-transport-security") ?? "", /max-age=31536000/);
      assert.match(headers.get("content-type") ?? "", /json/);
    }
  });

  test("a client that hangs up leaves a whole user or none", async () => {
    await using served = await serve();
    const { port } = new URL(served.url);
    const text = JSON.stringify(ada);
    await new Promise<void>((resolve) => {
      const socket = net.connect(Number(port), "127.0.0.1", () => {
        socket.write(
          `POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n` +
            `authorization: ${served.headers.authorization}\r\n` +
            `content-length: ${text.length}\r\n\r\n${text}`,
          () => {
            socket.destroy();
            resolve();
          },
        );
      });
    });
    await sleep(300);
    const found = await stored(served);
    assert.equal(found?.users, found?.events);
    assert.equal((await fetch(`${served.url}/health`)).status, 200);
  });

  test("over the limit, requests are shed with 503 and health is still answered", async () => {
    await using served = await serve({ BASALT_HTTP_MAX_IN_FLIGHT: "1" });
    const answers = await Promise.all(
      Array.from({ length: 30 }, (_, i) =>
        postJson(users(served), { email: `p${i}@example.com`, name: "Person" }, served.headers),
      ),
    );
    const shed = answers.filter(({ status }) => status === 503);
    assert.ok(shed.length > 0);
    assert.ok(shed.every(({ headers }) => headers.get("retry-after") === "1"));
    assert.equal((await stored(served))?.users, answers.length - shed.length);
    assert.equal((await fetch(`${served.url}/health`)).status, 200);
  });

  test("slow bodies take no place of other requests", async () => {
    await using served = await serve({ BASALT_HTTP_MAX_IN_FLIGHT: "1" });
    const socket = net.connect(Number(new URL(served.url).port), "127.0.0.1");
    socket.write(
      "POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n" +
        'content-length: 100\r\n\r\n{"email":',
    );
    await sleep(100);
    await until(async () => (await fetch(`${served.url}/api/v1/products`)).status === 200);
    socket.destroy();
  });

  test("operators and newcomers find health, metrics, OpenAPI and the reference page", async () => {
    await using served = await serve();
    const get = (path: string, accept = "*/*") => fetch(served.url + path, { headers: { accept } });
    assert.equal((await body(await get("/health")))["status"], "healthy");
    // A moment after the start, consumers have not taken their slots yet.
    await until(async () => (await body(await get("/health/ready")))["status"] === "ready");
    assert.match(await (await get("/metrics")).text(), /basalt_subscription_held_ratio{[^}]*} 1/);
    assert.equal((await body(await get("/openapi.json")))["openapi"], "3.1.0");
    assert.match(await (await get("/docs")).text(), /swagger-ui-bundle/);
    assert.match(await (await get("/", "text/html")).text(), /<h1>Basalt/);
  });

  test("behind a proxy that serves below a path, links and locations lead below it", async () => {
    await using served = await serve({ BASALT_PUBLIC_URL: "https://example.com/basalt/" });
    const { links } = (await (await fetch(served.url)).json()) as {
      links: Record<string, string>;
    };
    assert.equal(links["health"], "/basalt/health");
    const page = await fetch(served.url, { headers: { accept: "text/html" } });
    assert.match(await page.text(), /<a href="docs">/);
    assert.doesNotMatch(await (await fetch(`${served.url}/docs`)).text(), /(href|src)="\//);
    const made = await postJson(users(served), ada, served.headers);
    assert.match(made.headers.get("location") ?? "", /^\/basalt\/api\/v1\/users\/user_/);
  });

  test("the signed-in user is told about themselves, with a name in the document", async () => {
    await using served = await serve();
    const me = await body(await fetch(`${served.url}/api/v1/me`, served));
    assert.deepEqual([me["email"], me["emailVerified"]], ["admin@example.com", true]);
    const document = (await body(await fetch(`${served.url}/openapi.json`))) as unknown as {
      components: { schemas: Record<string, { properties: Record<string, unknown> }> };
      paths: Record<string, Record<string, { operationId: string; responses: object }>>;
    };
    const { schemas } = document.components;
    for (const name of ["User", "UserPage", "Product", "Session", "Price"])
      assert.ok(schemas[name]?.properties, name);
    assert.match(JSON.stringify(schemas["UserPage"]), /#\/components\/schemas\/User"/);
    const { get } = document.paths["/api/v1/me"] ?? {};
    assert.equal(get?.operationId, "getMe");
    assert.match(JSON.stringify(get?.responses), /#\/components\/schemas\/User"/);
  });

  test("other services find the keys of access tokens from the issuer alone", async () => {
    await using served = await serve({ BASALT_PUBLIC_URL: "https://id.example/" });
    for (const name of ["openid-configuration", "oauth-authorization-server"]) {
      const found = await body(await fetch(`${served.url}/.well-known/${name}`));
      assert.equal(found["issuer"], "https://id.example/");
      assert.equal(found["jwks_uri"], "https://id.example/.well-known/jwks.json");
      assert.deepEqual(found["id_token_signing_alg_values_supported"], ["EdDSA"]);
    }
  });

  test("in production there is no reference page, no document, no open metrics and no foreign origin", async () => {
    await using served = await serve({
      BASALT_ENVIRONMENT: "production",
      BASALT_CORS_ORIGINS: "https://app.example.com",
    });
    for (const path of ["/docs", "/openapi.json", "/asyncapi.json"])
      assert.equal((await fetch(served.url + path)).status, 404, path);
    assert.equal((await fetch(`${served.url}/metrics`)).status, 401);
    const from = async (origin: string) =>
      (await fetch(`${served.url}/health`, { headers: { origin } })).headers.get(
        "access-control-allow-origin",
      );
    assert.equal(await from("https://app.example.com"), "https://app.example.com");
    assert.equal(await from("http://localhost:5173"), null);
  });
});

test("metrics answer the bearer token of the settings, and no other", async () => {
  const token = "a-token-for-metrics";
  await using served = await serve({ BASALT_METRICS_TOKEN: token });
  const status = async (authorization?: string) =>
    (await fetch(`${served.url}/metrics`, { headers: authorization ? { authorization } : {} }))
      .status;
  const wrong = [undefined, "Bearer ", `Bearer ${token}x`, token, `Basic ${token}`];
  assert.deepEqual(
    await Promise.all(wrong.map(status)),
    wrong.map(() => 401),
  );
  assert.equal(await status(`Bearer ${token}`), 200);
});

describe("users over HTTP, asked by hostile clients", () => {
  let served: Awaited<ReturnType<typeof serve>>;
  before(async () => {
    served = await serve();
  });
  after(() => served[Symbol.asyncDispose]());

  const badBodies: readonly (readonly [string, string, number])[] = [
    ["malformed JSON", '{"email":', 400],
    ["no JSON at all", "", 400],
    ["a wrong type", '{"email":1,"name":"Ada"}', 400],
    ["a missing field", '{"email":"a@b.c"}', 400],
    ["an unknown field", '{"email":"a@b.c","name":"Ada","admin":true}', 400],
    ["a prototype", '{"email":"a@b.c","name":"Ada","__proto__":{"x":1}}', 400],
    ["no address", '{"email":"nobody","name":"Ada"}', 400],
    ["an address that only looks like another", '{"email":"a\\u200b@b.cd","name":"Ada"}', 422],
    ["a name of spaces", '{"email":"a@b.c","name":"      "}', 422],
    ["NUL in a name", '{"email":"a@b.c","name":"A\\u0000da"}', 422],
    ["a lone surrogate in a name", '{"email":"a@b.c","name":"A\\ud800da"}', 422],
    ["ten megabytes", JSON.stringify({ name: "x".repeat(10_000_000) }), 413],
  ];
  for (const [what, text, status] of badBodies)
    test(`${what} is refused with ${status} and leaves nothing`, async () => {
      const kept = await stored(served);
      const answer = await postJson(users(served), text, served.headers);
      assert.equal(answer.status, status);
      assert.match(answer.headers.get("content-type") ?? "", /^application\/problem\+json/);
      const problem = await body(answer);
      assert.equal(problem["correlationId"], answer.headers.get("x-request-id"));
      assert.doesNotMatch(JSON.stringify(problem), /node_modules|at \w+ \(|select |insert /);
      assert.deepEqual(await stored(served), kept);
    });

  test("absurd headers and garbage on the wire are answered with a problem", async () => {
    const huge = `GET / HTTP/1.1\r\nhost: x\r\nx-big: ${"x".repeat(40_000)}\r\n\r\n`;
    assert.match(await raw(served, huge), /^HTTP\/1.1 431 [\s\S]*REQUEST_HEADER_FIELDS_TOO_LARGE/);
    assert.match(await raw(served, "\0\x01garbage\r\n\r\n"), /^HTTP\/1.1 400 [\s\S]*BAD_REQUEST/);
    const odd = await fetch(`${served.url}/health`, { headers: { "x-request-id": "<script>" } });
    assert.doesNotMatch(odd.headers.get("x-request-id") ?? "", /script/);
    const unknown = await fetch(`${served.url}/nowhere`);
    assert.equal((await body(unknown))["code"], "NOT_FOUND");
    const method = await fetch(users(served), { method: "PUT" });
    assert.deepEqual([method.status, method.headers.get("allow")], [405, "POST, GET"]);
  });

  test("a message with two lengths is refused, and so is one after it", async () => {
    const smuggled =
      "POST /api/v1/sessions HTTP/1.1\r\nhost: x\r\ncontent-length: 4\r\n" +
      "transfer-encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    const answer = await raw(served, smuggled);
    assert.match(answer, /^HTTP\/1.1 400 /);
    assert.doesNotMatch(answer, /healthy/);
  });

  test("an address made to be slow to check is refused as fast as any", async () => {
    const ask = async (email: string) => {
      const startedAt = performance.now();
      const answer = await postJson(`${served.url}/api/v1/password-resets`, { email });
      assert.equal(answer.status, 400);
      return performance.now() - startedAt;
    };
    const long = "x".repeat(900_000);
    const plain = Math.min(await ask(long), await ask(long));
    const evil = await ask(`a@${".".repeat(900_000)}@`);
    // A ratio within one run: the quadratic check took hours for this.
    assert.ok(evil < plain * 20 + 500, `${evil} ms against ${plain} ms`);
  });

  test("TRACE echoes nothing", async () => {
    const trace = "TRACE /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-secret: 42\r\n\r\n";
    const answer = await raw(served, trace);
    assert.match(answer, /^HTTP\/1.1 4\d\d /);
    assert.doesNotMatch(answer, /x-secret/);
  });

  test("a form is no JSON", async () => {
    const kept = await stored(served);
    for (const type of ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data"]) {
      const answer = await postJson(users(served), JSON.stringify(ada), {
        ...served.headers,
        "content-type": type,
      });
      assert.equal(answer.status, 415, type);
    }
    assert.deepEqual(await stored(served), kept);
  });

  test("a parameter given twice is refused", async () => {
    const twice = await fetch(`${users(served)}?email=a@b.io&email=admin@example.com`, served);
    assert.equal(twice.status, 400);
  });
});
