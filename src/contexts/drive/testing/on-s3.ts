import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { S3 } from "@aws-sdk/client-s3";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { SegmentId } from "../domain/ids.ts";
import { S3Segments } from "../infrastructure/s3-segments.ts";

/** What happens to a request, or to its answer; undefined where nothing does. */
export type Fault = "busy" | "cut" | "shortened" | "never answered" | "of something else";
type Faulty = { fault: (request: http.IncomingMessage) => Fault | undefined };

/** An address that hands requests on to another one, besides those that meet a fault. */
async function faultyWay(to: URL, way: Faulty) {
  const server = http.createServer((request, response) => {
    const fault = way.fault(request);
    void (async () => {
      const body = await buffer(request);
      if (fault === "never answered") return;
      if (fault === "of something else") {
        response.writeHead(200, { "content-type": "text/html" }).end("<h1>Welcome</h1>");
        return;
      }
      if (fault === "busy") {
        response.writeHead(503, { "content-type": "application/xml" });
        response.end("<Error><Code>SlowDown</Code><Message>later</Message></Error>");
        return;
      }
      const { method, url: at, headers } = request;
      const onward = http.request(new URL(at ?? "/", to), { method, headers });
      onward.end(body);
      const [answer] = (await once(onward, "response")) as [http.IncomingMessage];
      const bytes = await buffer(answer);
      const { "content-length": _, ...others } = answer.headers;
      if (fault === undefined)
        response.writeHead(answer.statusCode ?? 502, answer.headers).end(bytes);
      else if (fault === "shortened")
        response
          .writeHead(answer.statusCode ?? 502, others)
          .end(bytes.subarray(0, bytes.length / 2));
      else {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        response.write(bytes.subarray(0, bytes.length / 2), () => response.destroy());
      }
    })().catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}

type Small = {
  readonly segmentBytes?: number;
  readonly attemptMs?: number;
  readonly listed?: number;
};

/** Chunks in a new bucket of the object storage of the machine. `way.fault` says what requests meet. */
export async function s3Subject(options: Small = {}) {
  await using undo = new AsyncDisposableStack();
  const { origin, username, password } = new URL(
    process.env["BASALT_TEST_S3_URL"] ?? "http://none",
  );
  const keys = { accessKeyId: decodeURIComponent(username), secretAccessKey: password };
  const region = "us-east-1";
  const s3 = new S3({ endpoint: origin, forcePathStyle: true, region, credentials: keys });
  undo.defer(() => s3.destroy());
  const bucket = newId(SegmentId).replace("_", "-").toLowerCase();
  await s3.createBucket({ Bucket: bucket });
  const way: Faulty = { fault: () => undefined };
  const { origin: endpoint } = undo.use(await faultyWay(new URL(origin), way));
  const reached = { bucket, region, keys, endpoint };
  const machine = { clock, metrics: createMetrics(), newName: () => newId(SegmentId) };
  const open = (more: Partial<typeof reached> = {}) =>
    S3Segments.open({ ...reached, ...machine, ...options, ...more });
  const store = undo.use(await open());
  const opened = undo.move();
  return { store, way, open, s3, reached, [Symbol.asyncDispose]: () => opened.disposeAsync() };
}
