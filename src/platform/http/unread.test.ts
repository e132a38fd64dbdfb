import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { Readable } from "node:stream";
import { test } from "node:test";
import { pino } from "pino";
import { hangUpOnTheUnreading } from "./unread.ts";

/** 16 MiB, in pieces of 64 KiB. */
const pieces = Array.from({ length: 256 }, () => "x".repeat(2 ** 16));

/** A server of large answers, and connections to it. */
async function given() {
  const lines: string[] = [];
  const server = http.createServer(
    (_request, response) => void Readable.from(pieces).pipe(response),
  );
  hangUpOnTheUnreading(server, pino({}, { write: (line) => void lines.push(line) }), 3_000);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const sockets: Socket[] = [];
  return {
    lines,
    open() {
      const socket = connect(port, "127.0.0.1");
      socket.on("error", () => {});
      sockets.push(socket);
      return socket;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
const request = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

test("a client that does not read is hung up on, one that reads slowly is not", async () => {
  await using subject = await given();
  const deaf = subject.open();
  deaf.write(request);
  const slow = subject.open();
  slow.write(request);
  let received = 0;
  slow.on("data", (chunk: Buffer) => {
    received += chunk.length;
    slow.pause();
    setTimeout(() => slow.resume(), 10);
  });

  deaf.pause();
  while (subject.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 100));

  assert.match(subject.lines[0] ?? "", /it does not read its answers/);
  assert.equal(subject.lines.length, 1);
  assert.ok(received > 0);
});

test("a client that sends on without reading is hung up on", async () => {
  await using subject = await given();
  const greedy = subject.open();
  greedy.pause();
  const closed = once(greedy, "close");
  greedy.write(request.repeat(200));

  while (subject.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  greedy.resume();
  await closed;

  assert.match(subject.lines[0] ?? "", /it sends on without reading/);
});
