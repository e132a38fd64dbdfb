import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { asAdmin, postJson, serve } from "#test/basalt.ts";

type Attribute = { readonly key: string; readonly value: { readonly stringValue?: string } };
type Span = {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: number };
};
type Export = {
  readonly resourceSpans: readonly {
    readonly resource: { readonly attributes: readonly Attribute[] };
    readonly scopeSpans: readonly { readonly spans: readonly Span[] }[];
  }[];
};

/** An OTLP collector on the loopback that keeps what it is sent. */
async function collector() {
  const received: Export[] = [];
  const server = http.createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      assert.equal(request.url, "/v1/traces");
      received.push(JSON.parse(Buffer.concat(chunks).toString()) as Export);
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
  } // stopping sends what has not been sent

  const spans = collecting.spans();
  const edge = spans.find(({ name }) => name === "POST /users");
  const handler = spans.find(({ name }) => name === "identity.registerUser");
  assert.equal(edge?.traceId, traceId);
  assert.equal(edge?.parentSpanId, callerSpanId);
  assert.equal(handler?.parentSpanId, edge?.spanId);
  for (const span of [edge, handler])
    assert.equal(
      span?.attributes.find(({ key }) => key === "basalt.correlation_id")?.value.stringValue,
      "request-1",
    );
  assert.deepEqual([...collecting.services()], ["basalt"]);
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
