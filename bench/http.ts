import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type autocannon from "autocannon";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import {
  cannonade,
  load,
  median,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Run,
  type Server,
} from "./measure.ts";

const rounds = 5;
const seconds = 4;
const warmUpSeconds = 3;

const json = { "content-type": "application/json" };
const administrator = { email: "admin@example.com", password: "correct horse battery" };

/** No limit is met that is not measured. */
export const unlimited = {
  PORT: "0",
  BASALT_ADMIN_EMAIL: administrator.email,
  BASALT_ADMIN_PASSWORD: administrator.password,
  BASALT_LIMIT_REQUESTS_PER_MINUTE: "1000000000",
  BASALT_LIMIT_ATTEMPTS_PER_ADDRESS: "1000000000",
  BASALT_LIMIT_ATTEMPTS_PER_ACCOUNT: "1000000000",
};

/** Who administers, signed in: `headers` of their requests. */
export async function signIn({ url }: Server) {
  const answer = await fetch(`${url}/api/v1/sessions`, {
    method: "POST",
    headers: json,
    body: JSON.stringify(administrator),
  });
  const { userId, accessToken } = (await answer.json()) as { userId: string; accessToken: string };
  return { userId, headers: { authorization: `Bearer ${accessToken}` } };
}

/** Basalt as it is by default, and the bare peer beside it on the same Postgres. */
export async function httpFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  // The peer sends no email: the consumer that does is measured by itself, in events.ts.
  const env = { ...unlimited, BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
  await using basalt = await startServer(["src/cli.ts", "start"], env);
  const connection = JSON.stringify(EmbeddedPostgres.running(folder.path));
  await using bare = await startServer(["bench/bare.ts"], { BENCH_CONNECTION: connection });

  const { userId: id, headers } = await signIn(basalt);
  const reading = await inTurn(
    { server: basalt, request: { path: `/api/v1/users/${id}`, headers } },
    { server: bare, request: { path: `/users/${id}` } },
    64,
  );
  const writing = await inTurn(
    { server: basalt, request: registration("/api/v1/users", headers) },
    { server: bare, request: registration("/users") },
    32,
  );
  const cpu = ratios(reading, ({ cpuUs }) => cpuUs);
  const refusals = await refusalsOf(basalt, { path: `/api/v1/users/${id}`, headers });
  return [
    figure("GET user, requests against bare Fastify + pg", reading, 0.85),
    {
      what: "GET user, CPU of the server against bare",
      measured: `${spread(cpu)} × (${usOf(reading[0])} against ${usOf(reading[1])} µs)`,
      bar: "≤ 1.3 ×",
      kept: median(cpu) <= 1.3,
    },
    figure("POST user with its event, against four round trips without", writing, 1),
    {
      what: "refused or failed below saturation, half from 64 connections, half from 256",
      measured: `${refusals} of ${2 * unsaturated}`,
      bar: "0",
      kept: refusals === 0,
    },
  ];
}

/** Requests of one load that must not meet a single refusal. */
const unsaturated = 500_000;

async function refusalsOf({ url }: Server, request: autocannon.Request): Promise<number> {
  let refusals = 0;
  for (const connections of [64, 256]) {
    const amount = unsaturated;
    const { result } = await cannonade({ url, connections, amount, requests: [request] });
    refusals += result.requests.total - result["2xx"] + result.errors;
  }
  return refusals;
}

export const registration = (path: string, headers = {}): autocannon.Request => ({
  method: "POST",
  path,
  headers: { ...json, ...headers },
  setupRequest: (request) => ({
    ...request,
    body: JSON.stringify({ email: `${randomUUID()}@example.com`, name: "Ada Lovelace" }),
  }),
});

type Side = { readonly server: Server; readonly request: autocannon.Request };
type Pair = readonly [readonly Run[], readonly Run[]];

/** A B, then B A, …: a drift of the machine's speed hits both. */
export async function inTurn(a: Side, b: Side, connections: number): Promise<Pair> {
  const run = ({ server, request }: Side, forSeconds: number) =>
    load(server, { connections, seconds: forSeconds, request });
  await run(a, warmUpSeconds);
  await run(b, warmUpSeconds);
  const runs: [Run[], Run[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    for (const which of round % 2 === 0 ? ([0, 1] as const) : ([1, 0] as const)) {
      await sleep(300);
      runs[which].push(await run(which === 0 ? a : b, seconds));
    }
  }
  return runs;
}

export const ratios = ([ours, theirs]: Pair, figureOf: (run: Run) => number): readonly number[] =>
  ours.map((run, i) => figureOf(run) / figureOf(theirs[i] ?? run));

export const usOf = (runs: readonly Run[]) => median(runs.map(({ cpuUs }) => cpuUs)).toFixed(0);
const rateOf = (runs: readonly Run[]) => median(runs.map(({ perSecond }) => perSecond)).toFixed(0);

export function figure(what: string, pair: Pair, bar: number): Figure {
  const ratio = ratios(pair, ({ perSecond }) => perSecond);
  return {
    what,
    measured: `${spread(ratio)} × (${rateOf(pair[0])} against ${rateOf(pair[1])} /s)`,
    bar: `≥ ${bar} ×`,
    kept: median(ratio) >= bar,
    ratio: median(ratio),
  };
}
