import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { systemClock as clock } from "../system.ts";
import { createMetrics } from "../telemetry/metrics.ts";
import { Unavailable } from "../unavailable.ts";
import { fetchJson } from "./fetch-json.ts";
import { upstream, type UpstreamLimits } from "./upstream.ts";

type Behave = (request: http.IncomingMessage, answer: http.ServerResponse) => void;

/** A real server that behaves as it is told, and who asks it. */
async function given(behave: Behave, limits: Partial<UpstreamLimits> = {}) {
  const state = { behave, calls: 0 };
  const server = http.createServer((request, answer) => {
    state.calls += 1;
    state.behave(request, answer);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const metrics = createMetrics();
  const call = upstream({ name: "test", clock, metrics, limits });
  const ask = (withinMs = 2_000) =>
    call((signal) => fetchJson(url, { signal }), clock.unixMs() + withinMs);
  return {
    ask,
    state,
    url,
    metrics,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

const json: Behave = (_, answer) =>
  answer.setHeader("content-type", "application/json").end('{"items":[]}');
const status =
  (code: number): Behave =>
  (_, answer) =>
    answer.writeHead(code, { "content-type": "text/html" }).end("<h1>no</h1>");
const never: Behave = () => {};

const wrongs: readonly (readonly [string, Behave])[] = [
  ["garbage", (_, answer) => answer.end("{]")],
  ["HTML", (_, answer) => answer.setHeader("content-type", "text/html").end("<html></html>")],
  ["an error of its own", status(500)],
  ["nothing", never],
  [
    "half a body",
    (_, answer) => {
      answer.writeHead(200, { "content-length": "100" }).write('{"items":');
      answer.socket?.destroySoon();
    },
  ],
  ["no HTTP", (request) => request.socket.end("220 smtp ready\r\n")],
  [
    "somewhere else",
    (_, answer) => answer.writeHead(302, { location: "http://127.0.0.1:9/" }).end(),
  ],
  [
    "a body without end",
    (_, answer) => {
      const more = () => {
        while (answer.write("x".repeat(65_536)));
        answer.once("drain", more);
      };
      more();
    },
  ],
];

describe("an upstream", () => {
  test("returns the answer", async () => {
    await using house = await given(json);
    assert.deepEqual(await house.ask(), { items: [] });
  });

  for (const [what, behave] of wrongs)
    test(`that answers ${what} is unavailable, and nobody waits for ever`, async () => {
      await using house = await given(behave);
      await assert.rejects(house.ask(700), Unavailable);
    });

  test("is unavailable when it is gone", async () => {
    const { ask, ...house } = await given(json);
    await house[Symbol.asyncDispose]();
    await assert.rejects(ask(), Unavailable);
  });

  test("is asked again after a failure but not after a refusal", async () => {
    await using house = await given((request, answer) =>
      house.state.calls === 1 ? status(503)(request, answer) : json(request, answer),
    );
    assert.deepEqual(await house.ask(), { items: [] });
    assert.equal(house.state.calls, 2);
    house.state.behave = status(404);
    await assert.rejects(house.ask(), /404/);
    assert.equal(house.state.calls, 3);
  });

  test("is asked again when it is late, within the limit and the deadline", async () => {
    await using house = await given(never, { attemptMs: 30, retries: 2 });
    await assert.rejects(house.ask(), Unavailable);
    assert.equal(house.state.calls, 3);
    house.state.calls = 0;
    await assert.rejects(house.ask(0), /No time/);
    assert.equal(house.state.calls, 0);
  });

  test("is not asked while its circuit is open, until one probe succeeds", async () => {
    await using house = await given(status(500), { breakAfter: 4, breakMs: 200, retries: 0 });
    for (let i = 0; i < 10; i += 1) await assert.rejects(house.ask(), Unavailable);
    assert.equal(house.state.calls, 4);
    assert.match(await house.metrics.registry.metrics(), /upstream_broken\{upstream="test"\} 1/);
    house.state.behave = json;
    await sleep(250);
    assert.deepEqual(await house.ask(), { items: [] });
    assert.match(await house.metrics.registry.metrics(), /upstream_broken\{upstream="test"\} 0/);
  });

  test("holds a limited number of calls when it is slow and refuses the others at once", async () => {
    const limits = { atOnce: 2, waiting: 1, retries: 0, attemptMs: 300 };
    await using house = await given(never, limits);
    const outcomes = await Promise.allSettled(Array.from({ length: 20 }, () => house.ask(1_000)));
    assert.ok(outcomes.every((outcome) => outcome.status === "rejected"));
    assert.ok(house.state.calls <= 3, `${house.state.calls} calls`);
    const text = await house.metrics.registry.metrics();
    assert.match(text, /upstream_calls_total\{upstream="test",outcome="full"\} 17/);
    assert.match(text, /upstream_broken\{upstream="test"\} 0/, "who was not asked has not failed");
  });
});
