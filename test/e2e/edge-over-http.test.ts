import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { pino } from "pino";
import { asAdmin, postJson, serve, type Served } from "../support/basalt.ts";
import { raw } from "../support/http.ts";

type Line = {
  readonly msg: string;
  readonly status?: number;
  readonly code?: string;
  readonly correlationId?: string;
};

describe("the edge", () => {
  const lines: Line[] = [];
  let served: Served;
  before(async () => {
    const log = pino({ level: "info" }, { write: (text) => lines.push(JSON.parse(text) as Line) });
    served = await serve({}, log);
  });
  after(() => served[Symbol.asyncDispose]());

  const get = (target: string, more = "") =>
    `GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${more}\r\n`;
  const requests: readonly (readonly [string, string, number])[] = [
    ["a path that is no text", get("/api/v1/users/%ff"), 400],
    ["a path that nobody knows", get("/nowhere"), 404],
    ["a path that is too long", get(`/api/v1/users/${"x".repeat(1_600)}`), 414],
    ["a request that is no HTTP", "garbage\r\n\r\n", 400],
    ["a header that is too long", get("/", `x-big: ${"x".repeat(40_000)}\r\n`), 431],
    ["no host", "GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400],
    ["two hosts", get("/health", "host: y\r\n"), 400],
    [
      "a host that is none",
      "GET /health HTTP/1.1\r\nhost: a b/<>\r\nconnection: close\r\n\r\n",
      400,
    ],
    ["a sign-in that is missing", get("/api/v1/users"), 401],
    ["a request that is answered", get("/health"), 200],
    ["an expectation that nobody knows", get("/health", "expect: miracles\r\n"), 200],
  ];
  for (const [what, request, status] of requests)
    test(`${what} is answered with the headers of all answers, and with a line in the log`, async () => {
      const answer = await raw(served, request);
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `), answer);
      assert.match(answer, /^x-content-type-options: nosniff\r$/m);
      assert.match(answer, /^content-security-policy: default-src 'none'/m);
      const id = /^x-request-id: (\S+)\r$/m.exec(answer)?.[1];
      const line = lines.find(
        ({ msg, correlationId }) => msg === "request" && correlationId === id,
      );
      assert.equal(line?.status, status);
      const code = /"code":"(\w+)"/.exec(answer)?.[1];
      assert.equal(line?.code, code);
    });

  const json = { "content-type": "application/json" };
  const post = (body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${served.url}/api/v1/sessions/passkey`, {
      method: "POST",
      headers: { ...json, ...headers },
      body: body as string,
    });
  const nested = (depth: number) => `{"response":${"[".repeat(depth)}${"]".repeat(depth)}}`;

  test("a body that nests too deeply is refused before it is read", async () => {
    for (const depth of [64, 5_000, 400_000]) {
      const answer = await post(nested(depth), { "idempotency-key": "deep" });
      assert.equal(answer.status, 400);
      assert.match(await answer.text(), /nests deeper than 64 levels/);
    }
    assert.doesNotMatch(await (await post(nested(60))).text(), /nests deeper/);
    const many = await post(`{"response":[${"1,".repeat(20_000)}1]}`);
    assert.match(await many.text(), /has more than 20000 values/);
    const brackets = JSON.stringify({ response: { '[[[\\"': "[,".repeat(100_000) } });
    assert.doesNotMatch(await (await post(brackets)).text(), /nests deeper|has more/);
  });

  test("a body that is not in UTF-8, or is encoded, is refused", async () => {
    assert.equal((await post(Uint8Array.of(0x7b, 0xff, 0x7d))).status, 400);
    const utf16 = { "content-type": "application/json; charset=utf-16" };
    assert.equal((await post("{}", utf16)).status, 415);
    assert.equal((await post("{}", { "content-encoding": "gzip" })).status, 415);
    const quoted = { "content-type": 'application/json; charset="UTF-8"' };
    assert.notEqual((await post("{}", quoted)).status, 415);
  });

  test("a passkey that is no object is refused, not an error", async () => {
    for (const response of [null, 1, "x", [], { id: null }, { response: null }, { response: 1 }]) {
      const answer = await postJson(`${served.url}/api/v1/sessions/passkey`, { response });
      assert.equal(answer.status, 400, JSON.stringify(response));
    }
  });

  test("an empty body counts as none, though its type is said", async () => {
    const { status } = await fetch(`${served.url}/api/v1/sessions/x`, {
      method: "DELETE",
      headers: { ...json, "content-length": "0" },
    });
    assert.equal(status, 401);
    const options = `${served.url}/api/v1/sessions/passkey/options`;
    assert.equal((await fetch(options, { method: "POST", headers: json })).status, 200);
  });

  test("a slash at the end of a path makes no difference", async () => {
    assert.equal((await fetch(`${served.url}/api/v1/products/`)).status, 200);
  });

  test("an early refusal of a large body closes the connection, so no later request is lost", async () => {
    const length = 10_000_000;
    const head = `POST /api/v1/imports?kind=stock HTTP/1.1\r\nhost: x\r\ncontent-type: text/csv\r\ncontent-length: ${length}\r\n\r\n`;
    const answer = await raw(served, head + "x".repeat(100_000));
    assert.match(answer, /^HTTP\/1.1 401 /);
    assert.match(answer, /^connection: close\r$/m);
    const small = await postJson(`${served.url}/api/v1/products`, { name: "x" });
    assert.notEqual(small.headers.get("connection"), "close");
  });

  test("documents are spelled once, and not sent to clients that have them", async () => {
    for (const document of ["openapi", "asyncapi"]) {
      const first = await fetch(`${served.url}/${document}.json`);
      const etag = first.headers.get("etag") ?? "";
      assert.equal(((await first.json()) as { readonly info?: object }).info !== undefined, true);
      const headers = { "if-none-match": `W/${etag}` };
      assert.equal((await fetch(`${served.url}/${document}.json`, { headers })).status, 304);
    }
  });
});

test("an unexpected error tells the client its id alone, and the log its stack", async () => {
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (text) => lines.push(text) });
  await using broken = await serve({}, log);
  const admin = await asAdmin(broken);
  await broken.opened.sql("alter table identity.users rename column name to called");
  const answer = await fetch(`${broken.url}/api/v1/users`, admin);
  const told = (await answer.json()) as Record<string, unknown>;
  assert.deepEqual([answer.status, told["code"]], [500, "INTERNAL_ERROR"]);
  assert.deepEqual(Object.keys(told), ["type", "title", "status", "code", "correlationId"]);
  const [line = ""] = lines;
  assert.match(line, /does not exist.*parseErrorMessage/);
  assert.ok(line.includes(String(told["correlationId"])));
});

test("documents, pages and unknown paths count as requests, probes do not", async () => {
  await using served = await serve({ BASALT_LIMIT_REQUESTS_PER_MINUTE: "4" });
  const status = async (path: string) => (await fetch(served.url + path)).status;
  const paths = ["/openapi.json", "/metrics", "/nowhere", "/"];
  assert.deepEqual(await Promise.all(paths.map(status)), [200, 200, 404, 200]);
  assert.deepEqual(await Promise.all(paths.map(status)), [429, 429, 429, 429]);
  assert.deepEqual(await Promise.all(["/health", "/health/ready"].map(status)), [200, 200]);
});

test("a cache that is away is told by readiness, and sends no requests elsewhere", async () => {
  await using served = await serve({ BASALT_REDIS_URL: "redis://127.0.0.1:1" });
  const ready = await fetch(`${served.url}/health/ready`);
  const { status, troubled } = (await ready.json()) as { status: string; troubled: string[] };
  assert.deepEqual([ready.status, status], [200, "degraded"]);
  assert.ok(troubled.includes("cache"));
});

test("a server that is told to stop fails readiness first, and closes connections after answers", async () => {
  const served = await serve({ BASALT_SHUTDOWN_DELAY_MS: "1000" });
  const before = await fetch(`${served.url}/health`);
  assert.notEqual(before.headers.get("connection"), "close");

  const ended = served[Symbol.asyncDispose]();

  const ready = await fetch(`${served.url}/health/ready`);
  assert.deepEqual([ready.status, ready.headers.get("connection")], [503, "close"]);
  const answer = await fetch(`${served.url}/api/v1/products`);
  assert.deepEqual([answer.status, answer.headers.get("connection")], [200, "close"]);
  await ended;
  await assert.rejects(fetch(`${served.url}/health`));
});
