import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo, type Socket } from "node:net";
import { test } from "node:test";
import { pino } from "pino";
import { until } from "#test/until.ts";
import { limitConnections } from "./connections.ts";

test("an address holds so many connections; one that is closed makes room for another", async (t) => {
  const lines: string[] = [];
  const log = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  const server = http.createServer((_request, response) => response.end("x"));
  limitConnections(server, { perAddress: 3, log });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const open = async () => {
    const socket = net.connect(port, "127.0.0.1").on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  const isOpen = async (socket: Socket) => {
    socket.write("GET / HTTP/1.1\r\nhost: x\r\n\r\n");
    return Promise.race([
      once(socket, "data").then(() => true),
      once(socket, "close").then(() => false),
    ]);
  };
  const sockets = [await open(), await open(), await open()];
  for (const socket of sockets) assert.equal(await isOpen(socket), true);
  for (let i = 0; i < 3; i += 1) assert.equal(await isOpen(await open()), false);
  assert.equal(lines.length, 1);
  sockets[0]?.destroy();
  await until(async () => isOpen(await open()));
});
