// What strangers who do not read or send slowly cost others, and what a document costs.
import net from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { unlimited } from "./http.ts";
import { load, scratchFolder, spread, startServer, type Figure, type Server } from "./measure.ts";

const hostile = 200;
const seconds = 15;
const pauseMs = 10;
const documentBarMs = 0.3;
const rounds = 3;

const pipelined = "GET /openapi.json HTTP/1.1\r\nhost: x\r\n\r\n".repeat(30);
const slow =
  "POST /api/v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n";

/** Sockets that ask for the largest document and take nothing of it. */
function unreading({ url }: Server): readonly net.Socket[] {
  const { port, hostname } = new URL(url);
  return Array.from({ length: hostile }, () => {
    const socket = net.connect(Number(port), hostname).on("error", () => {});
    socket.pause();
    socket.write(pipelined);
    return socket;
  });
}

/** Sockets that send a letter of a body now and then. */
function trickling({ url }: Server): readonly net.Socket[] {
  const { port, hostname } = new URL(url);
  return Array.from({ length: hostile }, () => {
    const socket = net.connect(Number(port), hostname).on("error", () => {});
    socket.write(slow);
    const timer = setInterval(() => socket.writable && socket.write("x"), 500);
    socket.once("close", () => clearInterval(timer));
    return socket;
  });
}

/** Answers how many requests others had refused or lost, and how many they made. */
async function beside(
  server: Server,
): Promise<{ readonly refused: number; readonly made: number }> {
  const sockets = [...unreading(server), ...trickling(server)];
  await sleep(500);
  let [refused, made] = [0, 0];
  for (const until = performance.now() + seconds * 1_000; performance.now() < until; made += 1) {
    const answer = await fetch(`${server.url}/api/v1/products`).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => {});
    if (answer?.status !== 200) refused += 1;
    await sleep(pauseMs);
  }
  for (const socket of sockets) socket.destroy();
  return { refused, made };
}

export async function hostileFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  await using server = await startServer(["src/cli.ts", "start"], {
    ...unlimited,
    PORT: "0",
    BASALT_DATA_DIR: folder.path,
    BASALT_LOG_LEVEL: "fatal",
  });
  const { refused, made } = await beside(server);
  const headers = { "accept-encoding": "gzip" }; // as every client sends it
  const request = { method: "GET" as const, path: "/openapi.json", headers };
  const cpuMs: number[] = [];
  for (let round = 0; round <= rounds; round += 1) {
    const { cpuUs } = await load(server, { connections: 8, seconds: 4, request });
    if (round > 0) cpuMs.push(cpuUs / 1_000);
  }
  return [
    {
      what: `requests of others refused, while ${hostile} sockets do not read and ${hostile} send slowly`,
      measured: `${refused} of ${made}`,
      bar: "0",
      kept: refused === 0,
    },
    {
      what: "processor time of `GET /openapi.json`",
      measured: `${spread(cpuMs)} ms`,
      bar: `≤ ${documentBarMs} ms`,
      kept: cpuMs.every((ms) => ms <= documentBarMs),
    },
  ];
}
