import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import autocannon from "autocannon";

export const root = path.resolve(import.meta.dirname, "..");

/** One line of the report. `bar`: what was wanted; `kept`: whether it was reached. */
export type Figure = {
  readonly what: string;
  readonly measured: string;
  readonly bar: string;
  readonly kept: boolean;
  /** How often Basalt does what the other does once. */
  readonly ratio?: number;
};

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? NaN;
};

export const percentile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[
    Math.min(values.length - 1, Math.floor(values.length * share))
  ] ?? NaN;

export const spread = (values: readonly number[], digits = 2): string =>
  `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}–${Math.max(...values).toFixed(digits)})`;

export async function scratchFolder(): Promise<AsyncDisposable & { readonly path: string }> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "basalt-bench-"));
  await chmod(folder, 0o711); // whoever Postgres runs as may pass
  return {
    path: folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

/** A server in a process of its own. */
export type Server = AsyncDisposable & {
  readonly url: string;
  readonly pid: number;
  readonly readyAfterMs: number;
};

/** Starts a program and waits for the line that names its address. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>>,
): Promise<Server> {
  const startedAt = performance.now();
  const child: ChildProcess = spawn(process.execPath, [...args], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk: Buffer) => {
      if (text.length > 100_000) return; // after the first line only the log comes
      text += chunk.toString();
      const found = /ready at (http:\S+)/.exec(text)?.[1];
      if (found) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`${args.join(" ")} ended with ${code}`)));
  });
  const readyAfterMs = performance.now() - startedAt;
  return {
    url,
    pid: child.pid ?? 0,
    readyAfterMs,
    async [Symbol.asyncDispose]() {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}

/** Processor time of a process so far, user and system, in µs. Linux only: NaN elsewhere. */
export function cpuUs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    return ticks * 10_000; // USER_HZ is 100 on Linux
  } catch {
    return NaN;
  }
}

export type Load = {
  readonly connections: number;
  readonly seconds: number;
  readonly request: autocannon.Request;
};

export type Run = { readonly perSecond: number; readonly cpuUs: number; readonly p99Ms: number };

/** Requests of all loads so far, and those of them that were not answered as they should be. */
export const asked = { total: 0, failed: 0 };

/** Loads a server and answers requests per second and processor time per request. */
export async function load(
  { url, pid }: Server,
  { connections, seconds, request }: Load,
): Promise<Run> {
  const cpuBefore = cpuUs(pid);
  const { result, latenciesMs } = await cannonade({
    url,
    connections,
    duration: seconds,
    requests: [request],
  });
  const answered = result["2xx"];
  asked.total += result.requests.total;
  asked.failed += result.requests.total - answered + result.errors;
  return {
    perSecond: answered / result.duration,
    cpuUs: (cpuUs(pid) - cpuBefore) / answered,
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

/** Its own percentiles are whole milliseconds: keeps every latency beside them. */
export function cannonade(options: autocannon.Options) {
  type Cannonade = { readonly result: autocannon.Result; readonly latenciesMs: readonly number[] };
  return new Promise<Cannonade>((resolve, reject) => {
    const latenciesMs: number[] = [];
    const running = autocannon(options, (error: Error | null, result) =>
      error ? reject(error) : resolve({ result, latenciesMs }),
    );
    running.on("response", (_client, _status, _bytes, ms) => latenciesMs.push(ms));
  });
}

/** Writers at a time, and how long they write. */
export const [inFlight, seconds] = [8, 4];

/** How often `work` is done in a second by some at a time, each after its last one. */
export async function perSecond(work: () => Promise<unknown>): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  const startedAt = performance.now();
  const worker = async () => {
    while (performance.now() < until) {
      await work();
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return done / ((performance.now() - startedAt) / 1000);
}
