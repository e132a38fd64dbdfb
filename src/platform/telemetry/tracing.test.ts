import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { fetchJson } from "#platform/resilience/fetch-json.ts";
import { asAdmin, postJson, serve } from "#test/basalt.ts";
import { tokenFrom } from "#test/emails.ts";
import { otlpLogs } from "./otlp-logs.ts";
import { exportTraces, jobSpan, noteWork, span, traceIds } from "./tracing.ts";

type Attribute = {
  readonly key: string;
  readonly value: { readonly stringValue?: string; readonly intValue?: number };
};
type Span = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly kind: number;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number };
};
type Export = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
};

type LogRecord = {
  readonly severityText: string;
  readonly body: { readonly stringValue: string };
  readonly traceId?: string;
  readonly attributes: readonly Attribute[];
};
type LogExport = {
  readonly resourceLogs: readonly {
    readonly scopeLogs: readonly { readonly logRecords: readonly LogRecord[] }[];
  }[];
};
/** Kinds of spans, as OTLP numbers them. */
const [server, client, consumer] = [2, 3, 5];

/** An OTLP collector on the loopback that keeps what it is sent. */
async function collector() {
  const received: Export[] = [];
  const logs: LogExport[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = JSON.parse(Buffer.concat(chunks).toString()) as Export & LogExport;
      if (request.url === "/v1/logs") logs.push(body);
      else received.push(body);
      response.setHeader("content-type", "application/json").end("{}");
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    spans: () =>
      received.flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans)),
      ),
    logs: () =>
      logs.flatMap(({ resourceLogs }) =>
        resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
      ),
    services: () =>
      new Set(
        received.flatMap(({ resourceSpans }) =>
          resourceSpans.map(
            ({ resource }) =>
              resource.attributes.find(({ key }) => key === "service.name")?.value.stringValue,
          ),
        ),
      ),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const traceId = "0af7651916cd43dd8448eb211c80319c";
const callerSpanId = "b7ad6b7169203331";

test("a request's spans join the caller's trace and carry its correlation id", async () => {
  await using collecting = await collector();
  {
    await using served = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: collecting.url });
    const headers = {
      ...(await asAdmin(served)).headers,
      traceparent: `00-${traceId}-${callerSpanId}-01`,
      "x-request-id": "request-1",
    };
    const user = { email: "ada@example.com", name: "Ada" };
    assert.equal((await postJson(`${served.url}/api/v1/users`, user, headers)).status, 201);
    await tokenFrom(served.folder, "You are invited to Basalt");
    assert.equal((await fetch(`${served.url}/api/v1/users`)).status, 401);
  } // stopping sends what has not been sent

  const spans = collecting.spans();
  const edge = spans.find(({ name }) => name === "POST /users");
  const handler = spans.find(({ name }) => name === "identity.registerUser");
  assert.equal(edge?.traceId, traceId);
  assert.equal(edge?.kind, server);
  const statusOf = ({ attributes }: Span) =>
    Number(attributes.find(({ key }) => key === "http.response.status_code")?.value.intValue);
  assert.equal(edge && statusOf(edge), 201);
  const email = spans.find(
    (one) => one.name === "identity.welcome-email" && one.traceId === traceId,
  );
  assert.deepEqual(
    [email?.kind, email?.parentSpanId],
    [consumer, handler?.spanId],
    "the consumer goes on with the trace of the request",
  );
  const refused = spans.filter(({ name }) => name === "GET /users");
  assert.deepEqual(refused.map(statusOf), [401]);
  const idle = spans.filter(({ name }) => /release-?expired|housekeeping|chain/i.test(name));
  assert.deepEqual(idle, [], "jobs that find nothing to do");
  assert.equal(edge?.parentSpanId, callerSpanId);
  assert.equal(handler?.parentSpanId, edge?.spanId);
  for (const span of [edge, handler])
    assert.equal(
      span?.attributes.find(({ key }) => key === "basalt.correlation_id")?.value.stringValue,
      "request-1",
    );
  assert.deepEqual([...collecting.services()], ["basalt"]);
});

test("a call to another server carries the trace and the correlation id on", async () => {
  await using collecting = await collector();
  const seen: http.IncomingHttpHeaders[] = [];
  const upstream = http.createServer(({ headers }, response) => {
    seen.push(headers);
    response.setHeader("content-type", "application/json").end("{}");
  });
  await new Promise<void>((resolve) => {
    upstream.listen(0, "127.0.0.1", resolve);
  });
  const url = new URL(`http://127.0.0.1:${(upstream.address() as AddressInfo).port}/stock`);
  {
    await using exporting = await exportTraces(collecting.url, pino({ level: "silent" }));
    const asking = { signal: AbortSignal.timeout(5_000), correlationId: "request-1" };
    await span("work", {}, () => fetchJson(url, asking));
    assert.ok(exporting);
  }
  upstream.close();
  const [work, call] = ["work", `GET ${url.host}`].map((name) =>
    collecting.spans().find((one) => one.name === name),
  );
  assert.deepEqual([call?.kind, call?.parentSpanId], [client, work?.spanId]);
  assert.equal(seen[0]?.["x-request-id"], "request-1");
  assert.equal(seen[0]?.["traceparent"], `00-${work?.traceId}-${call?.spanId}-01`);
});

test("a job that did something is exported with its spans, and so is one that failed", async () => {
  await using collecting = await collector();
  {
    await using exporting = await exportTraces(collecting.url, pino({ level: "silent" }));
    const inner = (name: string) => span(name, {}, async () => {});
    await jobSpan("idle", {}, () => inner("looked"));
    await jobSpan("busy", {}, async () => {
      await inner("did");
      noteWork();
    });
    const failing = jobSpan("failing", {}, async () => {
      throw new Error("broken");
    });
    await assert.rejects(failing, /broken/);
    assert.ok(exporting);
  }
  const names = collecting.spans().map(({ name }) => name);
  assert.deepEqual(names.toSorted(), ["busy", "did", "failing"]);
});

test("a collector gets the log as well, with the ids of its spans", async () => {
  await using collecting = await collector();
  const { stream, close } = await otlpLogs(collecting.url);
  const log = pino({ level: "info", base: null, mixin: traceIds }, stream);
  {
    await using exporting = await exportTraces(collecting.url, log);
    await span("work", {}, async () => log.warn({ code: "X", more: { deep: 1 } }, "something"));
    assert.ok(exporting);
  }
  log.debug("not this");
  await close();
  const [record, ...more] = collecting.logs();
  const [work] = collecting.spans();
  assert.deepEqual(more, []);
  assert.deepEqual(
    [record?.severityText, record?.body.stringValue, record?.traceId],
    ["WARN", "something", work?.traceId],
  );
  assert.deepEqual(
    record?.attributes.map(({ key, value }) => [key, value.stringValue]),
    [
      ["code", "X"],
      ["more", '{"deep":1}'],
    ],
  );
});

test("a collector that is away costs no request anything, and the lost spans are logged", async () => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  {
    await using served = await serve({ OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1" }, log);
    await asAdmin(served);
  }
  assert.match(lines.join(), /ECONNREFUSED.*spans were lost/);
});
