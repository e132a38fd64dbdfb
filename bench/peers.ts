import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import path from "node:path";
import pg, { type ClientConfig } from "pg";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { appendRate } from "./append.ts";
import { drainage } from "./events.ts";
import { figure, inTurn, registration, signIn, unlimited } from "./http.ts";
import {
  median,
  root,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";

const folder = path.join(root, "bench/peers");
const chart = path.join(root, "bench/peers.svg");
const rounds = 3;
const jobs = 40_000;

/** Installs the peers if they are not there, or older than their lock file; undefined if it cannot. */
export function installPeers(): boolean {
  const lock = path.join(folder, "package-lock.json");
  const installed = path.join(folder, "node_modules/.package-lock.json");
  const npm = (...args: readonly string[]) =>
    spawnSync("npm", args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] }).status === 0;
  if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
    console.error("Installing the peers of the benchmarks (once, and after updates) …");
    if (!npm("ci")) return false;
  }
  return npm("run", "build");
}

/** Runs a peer on a new database; answers what it reports per second. */
async function reported(connection: ClientConfig, program: readonly string[]): Promise<number> {
  const admin = new pg.Client({ ...connection, database: "postgres" });
  await admin.connect();
  await admin.query("drop database if exists peer with (force)");
  await admin.query("create database peer");
  await admin.end();
  const child: ChildProcess = spawn(process.execPath, [...program], {
    cwd: folder,
    env: {
      ...process.env,
      BENCH_CONNECTION: JSON.stringify({ ...connection, database: "peer" }),
      BENCH_JOBS: String(jobs),
      NODE_ENV: "production",
      NO_LOG_SUCCESS: "1", // graphile-worker: no line for each job
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const output = child.stdout ? await text(child.stdout) : "";
  const line = output.split("\n").find((one) => one.startsWith('{"perSecond"'));
  if (line === undefined) throw new Error(`${program.join(" ")} reported nothing: ${output}`);
  return (JSON.parse(line) as { readonly perSecond: number }).perSecond;
}

type Rate = () => Promise<number>;

/** Ours and theirs by turns, after a warm-up of ours: theirs have their own. */
async function compare(what: string, unit: string, ours: Rate, theirs: Rate): Promise<Figure> {
  const rates: [number[], number[]] = [[], []];
  await ours();
  for (let round = 0; round < rounds; round += 1)
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const))
      rates[which].push(await (which === 0 ? ours : theirs)());
  const each = rates[0].map((rate, i) => rate / (rates[1][i] ?? NaN));
  return {
    what,
    measured: `${spread(each)} × (${median(rates[0]).toFixed(0)} against ${median(rates[1]).toFixed(0)} ${unit})`,
    bar: "≥ 1 ×",
    kept: median(each) >= 1,
    ratio: median(each),
  };
}

async function httpAgainstNest(): Promise<readonly Figure[]> {
  await using scratch = await scratchFolder();
  const env = { ...unlimited, BASALT_DATA_DIR: scratch.path, BASALT_CONSUMERS: "false" };
  await using basalt = await startServer(["src/cli.ts", "start"], env);
  const connection = JSON.stringify(EmbeddedPostgres.running(scratch.path));
  const program = [path.join(folder, "dist/nest.js")];
  await using nest = await startServer(program, {
    BENCH_CONNECTION: connection,
    NODE_ENV: "production",
  });
  const { userId, headers } = await signIn(basalt);
  const nests = await madeBy(nest);
  const reading = await inTurn(
    { server: basalt, request: { path: `/api/v1/users/${userId}`, headers } },
    { server: nest, request: { path: `/users/${nests}` } },
    64,
  );
  const writing = await inTurn(
    { server: basalt, request: registration("/api/v1/users", headers) },
    { server: nest, request: registration("/users") },
    32,
  );
  const whats = ["GET user, NestJS with TypeORM", "POST user with its event, NestJS without"];
  return [reading, writing].map((pair, i) => figure(`${whats[i]}`, pair, 1));
}

async function madeBy({ url }: Server): Promise<string> {
  const answer = await fetch(`${url}/users`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ email: "ada@example.com", name: "Ada Lovelace" }),
  });
  return ((await answer.json()) as { readonly id: string }).id;
}

/** Basalt beside what a team would take in its place. */
export async function peerFigures(): Promise<readonly Figure[]> {
  if (!installPeers()) {
    console.error("The peers cannot be installed: not measured.");
    return [];
  }
  const figures: Figure[] = [...(await httpAgainstNest())];
  await using drain = await drainage();
  for (const [name, ...program] of [
    ["graphile-worker", "graphile-worker.ts"],
    ["pg-boss", "pg-boss.ts"],
    ["Emmett, a projection", "emmett.ts"],
  ] as const) {
    const theirs = () => reported(drain.connection, program);
    figures.push(await compare(`an effect per event, ${name}`, "/s", drain.rate, theirs));
  }
  await using append = await appendRate();
  figures.push(
    await compare("append an event, Emmett", "/s", append.rate, () =>
      reported(append.connection, ["emmett.ts", "append"]),
    ),
  );
  return figures;
}

/** The chart of the README: whatever was measured against something else. */
export function drawChart(figures: readonly Figure[], machine: string): void {
  const values = figures.flatMap(({ what, ratio }) =>
    ratio === undefined ? [] : [{ what, ratio }],
  );
  const input = JSON.stringify({ title: "Basalt against its peers", machine, values });
  const drawn = spawnSync(process.execPath, ["chart.ts"], { cwd: folder, input, encoding: "utf8" });
  if (drawn.status !== 0) throw new Error(`the chart was not drawn: ${drawn.stderr}`);
  writeFileSync(chart, drawn.stdout);
}
