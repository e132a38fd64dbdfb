import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { median, scratchFolder, spread, startServer, type Figure } from "./measure.ts";

const rounds = 5;
const memoryOf = (pid: number): number => {
  const line = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"));
  return Number(line?.[1]) / 1024;
};

/** From the command to the line that says ready, and the memory then. */
export async function startFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const env = { PORT: "0", BASALT_DATA_DIR: folder.path };
  const start = () => startServer(["src/cli.ts", "start"], env);

  const first = await start();
  await first[Symbol.asyncDispose]();
  const again: number[] = [];
  const memory: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    await using server = await start();
    again.push(server.readyAfterMs / 1000);
    await sleep(1_000);
    memory.push(memoryOf(server.pid));
  }
  const firstS = first.readyAfterMs / 1000;
  return [
    {
      what: "first start, Postgres created and migrated",
      measured: `${firstS.toFixed(2)} s`,
      bar: "≤ 8 s",
      kept: firstS <= 8,
    },
    {
      what: "start on existing data",
      measured: `${spread(again)} s`,
      bar: "≤ 2.5 s",
      kept: median(again) <= 2.5,
    },
    {
      what: "resident memory of the server process after start",
      measured: `${spread(memory, 0)} MiB`,
      bar: "≤ 160 MiB",
      kept: median(memory) <= 160,
    },
  ];
}
