// Statements: a long file, twice, a broker with many pages, and the net worth of many accounts.
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { ofx, type BankRow } from "../src/contexts/accounts/testing/statement-files.ts";
import {
  alpacaServer,
  deposits,
  type Activity,
} from "../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { signIn, unlimited } from "./http.ts";
import { percentile, scratchFolder, startServer, type Figure, type Server } from "./measure.ts";

const lines = 100_000;
const activities = 10_000;
const answerMs = 20;
const accounts = 1_000;
const asked = 500;

type Headers = Readonly<Record<string, string>>;
type Body = Readonly<Record<string, unknown>>;
type At = { readonly url: string; readonly headers: Headers };

async function ask(
  { url, headers }: At,
  method: string,
  path: string,
  body?: string | object,
): Promise<Body> {
  const type = typeof body === "string" ? "application/x-ofx" : "application/json";
  const answer = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { ...headers, ...(body === undefined ? {} : { "content-type": type }) },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  if (!answer.ok) throw new Error(`${path}: ${await answer.text()}`);
  return (await answer.json()) as Body;
}

async function ended(at: At, path: string, statuses: readonly string[]): Promise<Body> {
  for (;;) {
    const found = await ask(at, "GET", path);
    if (statuses.includes(String(found["status"]))) return found;
    await sleep(50);
  }
}

/** The most memory that a process has had, in MiB. Linux only: NaN elsewhere. */
function peakMiB({ pid }: Server): number {
  try {
    const [, kB] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Number(kB) / 1024;
  } catch {
    return NaN;
  }
}

const daysOfFile = 700;
const firstDay = Date.parse("2024-12-01");

/** Some hundred rows a day, the newest first, of amounts that few of a day share. */
const rowOf = (i: number): BankRow => ({
  id: `${i}`,
  date: new Date(firstDay + Math.floor(((lines - i) * daysOfFile) / lines) * 86_400_000)
    .toISOString()
    .slice(0, 10),
  amount: (-((i * 7_919) % 50_000) / 100 - 0.01).toFixed(2),
  name: `Shop ${i % 5_000}`,
});

/** A hundred deposits a day, the oldest first, of amounts that few of a day share. */
const activityOf = (one: Activity, i: number): Activity => ({
  ...one,
  date: new Date(firstDay + Math.floor(i / 100) * 86_400_000).toISOString().slice(0, 10),
  net_amount: (((i * 7_919) % 50_000) / 100 + 0.01).toFixed(2),
});

async function importFigures(at: At, server: Server): Promise<readonly Figure[]> {
  const file = ofx({ rows: Array.from({ length: lines }, (_, i) => rowOf(i)) });
  const imported = async () => {
    const begun = performance.now();
    const { id } = await ask(at, "POST", "/imports/statements", file);
    const told = await ended(at, `/imports/statements/${String(id)}`, ["finished"]);
    return { told, rate: lines / ((performance.now() - begun) / 1_000) };
  };
  const before = peakMiB(server);
  const [first, second] = [await imported(), await imported()];
  const after = peakMiB(server);
  const isSame = first.told["created"] === lines && second.told["matched"] === lines;
  return [
    {
      what: `import of ${lines} lines, from the first byte to the last outcome`,
      measured: `${first.rate.toFixed(0)} /s; known ones ${second.rate.toFixed(0)} /s`,
      bar: "≥ 10 000 /s",
      kept: Math.min(first.rate, second.rate) >= 10_000,
    },
    {
      what: "memory that both imports take, at most",
      measured: `${(after - before).toFixed(0)} MiB`,
      bar: "≤ 128 MiB",
      kept: after - before <= 128,
    },
    {
      what: "the same file twice",
      measured: isSame ? "changes nothing" : JSON.stringify([first.told, second.told]),
      bar: "changes nothing",
      kept: isSame,
    },
  ];
}

async function syncFigure(at: At, keys: object): Promise<Figure> {
  const begun = performance.now();
  const { id } = await ask(at, "POST", "/connections", { provider: "alpaca", keys });
  const sync = await ask(at, "POST", `/connections/${String(id)}/syncs`);
  const told = await ended(at, `/syncs/${String(sync["id"])}`, [
    "succeeded",
    "partially-succeeded",
    "failed",
  ]);
  const seconds = (performance.now() - begun) / 1_000;
  const isWhole = told["status"] === "succeeded" && told["rows"] === activities;
  return {
    what: `sync of ${activities} transactions over 100 pages, each answered in ${answerMs} ms`,
    measured: isWhole ? `${seconds.toFixed(1)} s` : String(told["status"]),
    bar: "≤ 5 s",
    kept: isWhole && seconds <= 5,
  };
}

async function worthFigure(at: At): Promise<Figure> {
  for (let i = 0; i < accounts; i += 1)
    await ask(at, "POST", "/accounts", {
      name: `Account ${i}`,
      type: "checking",
      currency: i % 2 === 0 ? "EUR" : "USD",
    });
  const quote = { rate: "1.1", source: "bench", quotedAt: "2026-01-01T00:00:00Z" };
  await ask(at, "PUT", "/rates/EUR/USD", quote);
  const all: number[] = [];
  for (let i = 0; i < asked; i += 1) {
    const from = performance.now();
    await ask(at, "GET", "/net-worth?currency=EUR");
    all.push(performance.now() - from);
  }
  const p99 = percentile(all, 0.99);
  return {
    what: `net worth of ${accounts} accounts`,
    measured: `p99 ${p99.toFixed(1)} ms`,
    bar: "p99 < 20 ms",
    kept: p99 < 20,
  };
}

export async function statementFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  await using broker = await alpacaServer();
  broker.activities.push(...deposits(activities, "2026-01-01T00:00:00Z").map(activityOf));
  broker.timing.answerMs = answerMs;
  const env = {
    ...unlimited,
    PORT: "0",
    BASALT_DATA_DIR: folder.path,
    BASALT_ALPACA_URL: broker.url,
  };
  await using server = await startServer(["src/cli.ts", "start"], env);
  const { headers } = await signIn(server);
  const at = { url: server.url, headers };
  const sync = await syncFigure(at, broker.keys);
  const worth = await worthFigure(at);
  return [sync, worth, ...(await importFigures(at, server))];
}
