import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import autocannon from "autocannon";
import { percentile } from "../../bench/measure.ts";
import type { Site, Target } from "../crash/site.ts";
import { ask } from "../support/database.ts";
import type { Shelf } from "./steady.ts";

const times = 5;
const capacityS = 6;
const floodS = 15;
const workers = 32;
/** From so many connections; from the most of them, as much is asked as is meant to be. */
const floods = [
  { connections: 300, refusedP99Ms: 50 },
  { connections: 1_000, refusedP99Ms: 120 },
] as const;
/** Of five times, as a share: who asks shares the machine with who answers. */
const leastAsked = 0.8;
/** `goodput`: what is accepted, as a share of what is done in calm. */
const limits = { goodput: 0.5, acceptedP99Ms: 500, recoveredMs: 5_000 };
/** Recovered: so many requests in a row are answered, each as fast as this. */
const calm = { requests: 20, withinMs: 100 };

type Answered = { readonly status: number; readonly ms: number };

/** Products to draft, and pages to read, in turn. Ids of what is acknowledged go to `made`. */
const mixOf = (
  { headers }: NonNullable<Target>,
  { products }: Shelf,
  made: string[],
): autocannon.Request[] => [
  {
    method: "POST",
    path: "/api/v1/products",
    headers: { ...headers, "content-type": "application/json" },
    setupRequest: (request) => ({
      ...request,
      body: JSON.stringify({ name: `flood ${randomUUID()}` }),
    }),
    onResponse: (status, body) => {
      if (status === 201) made.push((JSON.parse(body) as { readonly id: string }).id);
    },
  },
  { method: "GET", path: `/api/v1/products/${products[0]}`, headers },
];

type Fired = { readonly answers: readonly Answered[]; readonly unanswered: number };

function fire(options: autocannon.Options): Promise<Fired> {
  return new Promise((resolve, reject) => {
    const answers: Answered[] = [];
    const running = autocannon(options, (error: Error | null, { errors, timeouts }) =>
      error ? reject(error) : resolve({ answers, unanswered: errors + timeouts }),
    );
    running.on("response", (_client, status, _bytes, ms) => answers.push({ status, ms }));
  });
}

/** How many of these products are not there. */
async function lostOf(site: Site, ids: readonly string[]): Promise<number> {
  const all = ids.map((id) => `('${id}')`).join();
  const [row] = await ask(
    site.connection,
    `select count(*)::int as n from (values ${all}) as told(id)
      where not exists (select from catalog.products p where p.id = told.id)`,
  );
  return Number(row?.["n"]);
}

/** How long after the flood requests are answered as before, ms. */
async function recovery({ url, headers }: NonNullable<Target>): Promise<number> {
  const startedAt = performance.now();
  for (let calmly = 0; calmly < calm.requests;) {
    const askedAt = performance.now();
    const answer = await fetch(`${url}/api/v1/users?limit=1`, { headers }).catch(() => undefined);
    await answer?.text();
    calmly = answer?.ok && performance.now() - askedAt < calm.withinMs ? calmly + 1 : 0;
    if (performance.now() - startedAt > limits.recoveredMs * 4) break;
    await sleep(10);
  }
  return performance.now() - startedAt;
}

type Overload = { readonly lines: readonly string[]; readonly complaints: readonly string[] };

/** Measures what the server can do, asks five times as much of it, and looks at what becomes of it. */
export async function overload(site: Site, shelf: Shelf): Promise<Overload> {
  const target = site.target();
  if (!target) return { lines: [], complaints: ["nobody is there"] };
  const made: string[] = [];
  const requests = mixOf(target, shelf, made);
  const normal = await fire({
    url: target.url,
    connections: workers,
    duration: capacityS,
    requests,
  });
  const perSecond = normal.answers.filter(({ status }) => status < 300).length / capacityS;
  const lines = [`${perSecond.toFixed(0)} requests/s are what it can do:`];
  const complaints: string[] = [];
  for (const { connections, refusedP99Ms } of floods) {
    const overallRate = Math.round(perSecond * times);
    const fired = await fire({
      url: target.url,
      connections,
      duration: floodS,
      requests,
      overallRate,
    });
    const flood = judged(fired, { perSecond, refusedP99Ms });
    lines.push(`asked ${overallRate}/s from ${connections} connections: ${flood.line}`);
    complaints.push(...flood.complaints);
    if (connections === mostConnections && flood.asked < overallRate * leastAsked)
      complaints.push(`only ${flood.asked.toFixed(0)}/s were asked: too little to be too much`);
  }
  const recoveredMs = await recovery(target);
  const lost = await lostOf(site, made);
  lines.push(`${made.length} drafts acknowledged, ${lost} of them lost`);
  lines.push(`calm again after ${recoveredMs.toFixed(0)} ms (limit ${limits.recoveredMs})`);
  if (lost > 0) complaints.push(`${lost} of ${made.length} were acknowledged and not kept`);
  if (recoveredMs > limits.recoveredMs)
    complaints.push(`recovered after ${recoveredMs.toFixed(0)} ms`);
  return { lines, complaints: [...complaints, ...(await site.settled())] };
}

const mostConnections = Math.max(...floods.map(({ connections }) => connections));

/** What became of a flood. */
function judged(
  { answers, unanswered }: Fired,
  { perSecond, refusedP99Ms }: { readonly perSecond: number; readonly refusedP99Ms: number },
) {
  const msOf = (wanted: (status: number) => boolean) =>
    answers.filter(({ status }) => wanted(status)).map(({ ms }) => ms);
  const [accepted, refused] = [msOf((status) => status < 300), msOf((status) => status === 503)];
  const others = answers.length - accepted.length - refused.length;
  const asked = answers.length / floodS;
  const slow = percentile(accepted, 0.99);
  const late = refused.length === 0 ? 0 : percentile(refused, 0.99);
  const complaints = [
    ...(slow <= limits.acceptedP99Ms ? [] : [`p99 of what is accepted is ${slow.toFixed(0)} ms`]),
    ...(late <= refusedP99Ms ? [] : [`p99 of what is refused is ${late.toFixed(0)} ms`]),
    ...(unanswered === 0 ? [] : [`${unanswered} were not answered`]),
    ...(accepted.length / floodS >= perSecond * limits.goodput
      ? []
      : [`${(accepted.length / floodS).toFixed(0)} a second are accepted`]),
    ...(others === 0 ? [] : [`${others} were answered otherwise`]),
  ];
  const line =
    `${(accepted.length / floodS).toFixed(0)}/s accepted, p99 ${slow.toFixed(0)} ms (limit ${limits.acceptedP99Ms}); ` +
    `${(refused.length / floodS).toFixed(0)}/s refused, p99 ${late.toFixed(0)} ms (limit ${refusedP99Ms})`;
  return { asked, complaints, line };
}
