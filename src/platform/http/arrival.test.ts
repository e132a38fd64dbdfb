import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type AddressInfo } from "node:net";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import Fastify from "fastify";
import { pino } from "pino";
import { createMetrics } from "../telemetry/metrics.ts";
import { answerGarbage } from "./answers.ts";
import { hangUpOnTheSilent, limitArrival } from "./arrival.ts";

/** A server that gives bodies so long, and what it says to bytes that come in pieces. */
async function given(limits: Parameters<typeof limitArrival>[0]) {
  const log = pino({ level: "silent" });
  const clientErrorHandler = answerGarbage({ headers: {}, log, metrics: createMetrics() });
  const app = Fastify({ clientErrorHandler, forceCloseConnections: "idle" });
  hangUpOnTheSilent(app);
  app.addHook("onRequest", limitArrival(limits));
  app.addContentTypeParser("application/octet-stream", (_request, body, done) => done(null, body));
  app.post("/file", { config: { takesFiles: true } }, async ({ body }) => {
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Uint8Array>) {
      bytes += piece.length;
      await sleep(5);
    }
    return { bytes };
  });
  app.post("/picky", { config: { takesFiles: true } }, async ({ body }, reply) => {
    for await (const _piece of body as AsyncIterable<Uint8Array>) break;
    return reply.code(507).header("connection", "close").send();
  });
  app.post("/", async ({ body }) => ({ body }));
  app.post("/deaf", { onRequest: (_request, reply) => void reply.code(401).send() }, () => "");
  await app.listen({ host: "127.0.0.1", port: 0 });
  const { port } = app.server.address() as AddressInfo;
  return {
    open() {
      const socket = connect(port, "127.0.0.1");
      let heard = "";
      socket.on("data", (chunk: Buffer) => (heard += chunk.toString()));
      socket.on("error", () => {});
      return { socket, heard: () => heard };
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}
const head = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;

test("answers 408 and closes the connection when a body does not arrive", async () => {
  await using server = await given({ timeoutMs: 50 });
  const { socket, heard } = server.open();
  socket.write(`${head("/", 100)}{"a":`);
  await once(socket, "close");
  assert.match(heard(), /^HTTP\/1\.1 408 /);
  assert.match(heard(), /"code":"REQUEST_TIMEOUT"/);
});

const fileHead = head("/file", 300).replace("application/json", "application/octet-stream");

test("answers 408 to a client that sends nothing more of its file", async () => {
  await using server = await given({ silentMs: 50 });
  const { socket, heard } = server.open();
  socket.write(`${fileHead}begun`);
  await once(socket, "close");
  assert.match(heard(), /^HTTP\/1\.1 408 /);
});

test("takes a file that comes slowly, as long as something comes", async () => {
  await using server = await given({ silentMs: 400 });
  const { socket, heard } = server.open();
  socket.write(fileHead);
  for (let i = 0; i < 10; i += 1) {
    socket.write("x".repeat(30));
    await sleep(100);
  }
  while (!heard().includes('{"bytes":300}')) await once(socket, "data");
  socket.destroy();
});

test("keeps the connection open when a body arrives in time", async () => {
  await using server = await given({});
  const { socket, heard } = server.open();
  for (let i = 1; i <= 2; i += 1) {
    socket.write(`${head("/", 7)}{"a"`);
    socket.write(":1}");
    while (heard().split("HTTP/1.1 200").length <= i) await once(socket, "data");
  }
  socket.destroy();
});

test("closes the connection of a client that keeps sending after the answer", async () => {
  await using server = await given({});
  const [patient, endless] = [server.open(), server.open()];
  for (const { socket } of [patient, endless]) {
    socket.write(`${head("/deaf", 7)}{"a"`);
    await once(socket, "data");
  }
  patient.socket.write(":1}");
  await once(endless.socket, "close");
  assert.match(endless.heard(), /^HTTP\/1\.1 401 /);
  patient.socket.write(`${head("/", 7)}{"a":1}`);
  await once(patient.socket, "data");
  assert.match(patient.heard(), /HTTP\/1\.1 200 /);
  patient.socket.destroy();
});

const closing = (path: string, length: number) =>
  `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/octet-stream\r\nconnection: close\r\ncontent-length: ${length}\r\n\r\n`;

for (const [path, status] of [
  ["/deaf", 401],
  ["/picky", 507],
] as const)
  test(`a client that reads the answer once it has sent all is told why it was refused: ${status}`, async () => {
    await using server = await given({});
    const { socket, heard } = server.open();
    socket.pause();
    const size = 2 ** 25;
    socket.write(closing(path, size));
    const failed = once(socket, "error").then(([error]) => error as Error);
    const piece = Buffer.alloc(2 ** 16, 97);
    for (let sent = 0; sent < size; sent += piece.length)
      if (!socket.write(piece)) await Promise.race([once(socket, "drain"), failed]);
    await sleep(50);
    socket.resume();
    await once(socket, "close");
    assert.match(heard(), new RegExp(`^HTTP/1\\.1 ${status} `));
  });

test("a client that goes on sending after its answer is hung up on", async () => {
  await using server = await given({ afterMs: 200 });
  const { socket, heard } = server.open();
  socket.write(closing("/deaf", 2 ** 40));
  const sending = setInterval(() => socket.write("x".repeat(1_000)), 5);
  await once(socket, "close");
  clearInterval(sending);
  assert.match(heard(), /^HTTP\/1\.1 401 /);
});

test("a stop does not wait for connections without requests", async () => {
  const server = await given({});
  const { socket } = server.open();
  await once(socket, "connect");
  const { socket: asking } = server.open();
  asking.write(`${head("/", 7)}{"a":1}`);
  await once(asking, "data"); // the first has been accepted by now
  await server[Symbol.asyncDispose]();
  if (!socket.closed) await once(socket, "close");
});
