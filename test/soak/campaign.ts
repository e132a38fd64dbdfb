// npm run soak -- --minutes M: a day's load with restarts, then far too much of it.
import { parseArgs } from "node:util";
import { setTimeout as sleep } from "node:timers/promises";

import { Site } from "../crash/site.ts";
import { launch, scratch } from "../support/basalt.ts";
import { chanceOf } from "../support/chance.ts";
import { conclude, isSign, launchDefective, type Marks } from "../support/defective.ts";
import { filesOf, heapOf, lagOf, metricsOf, residentOf } from "../support/metrics.ts";
import { endWithSignal } from "../support/signals.ts";
import { overload } from "./overload.ts";
import { steadyLoad, type Shelf } from "./steady.ts";
import { lineOf, title, unevenness, type Window } from "./windows.ts";

const usage = `usage: npm run soak -- [--minutes 10] [--rate 60] [--seed 1] [--defect NAME]
A steady mix of reads and writes while server and Postgres are restarted: latency, memory, lag and
open files, window by window, must be flat. Then five times of what the server can do.
--minutes: two at least, since a restart must be over before its window is.
--defect: of a Basalt with this defect planted (see test/soak/defective.ts); it must be caught.`;

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "10" },
    rate: { type: "string", default: "60" },
    seed: { type: "string", default: "1" },
    defect: { type: "string" },
    help: { type: "boolean" },
  },
});
const [minutes, rate, seed] = [Number(values.minutes), Number(values.rate), Number(values.seed)];
if (values.help || !(minutes >= 2) || !(rate > 0) || !Number.isSafeInteger(seed)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const windows = 24;
/** What happens at the beginning of a window; the rest is left alone, to be judged. */
const disturbances: Readonly<Record<number, string>> = {
  2: "server stopped and started",
  4: "server killed",
  6: "Postgres killed",
  14: "Postgres killed",
};
/** Begun with the newest server; the first windows of a process are its warm-up. */
const judgedFrom = 8;

async function disturb(site: Site, what: string): Promise<void> {
  if (what === "Postgres killed") site.killPostgres();
  else await site.restart(what === "server killed" ? undefined : "SIGTERM");
}

/** Demo products, and a hundred of them to ask for. */
async function shelfOf(site: Site): Promise<Shelf> {
  const { code, output } = await launch(["seed", "--products", "2000"], site.env).ended;
  const target = site.target();
  if (code !== 0 || !target) throw new Error(`no products: ${output}`);
  const answer = await fetch(`${target.url}/api/v1/products?limit=100`);
  type Listed = { readonly items: readonly { readonly id: string; readonly skus: string[] }[] };
  const { items } = (await answer.json()) as Listed;
  return { products: items.map(({ id }) => id), skus: items.flatMap(({ skus }) => skus) };
}

/** Before an access token has run out. */
const signInEveryMs = 240_000;

async function pass(site: Site, endAt: number): Promise<void> {
  for (let left = endAt - Date.now(); left > 0; left = endAt - Date.now()) {
    await site.signIn().catch(() => {}); // tried again in time
    await sleep(Math.min(signInEveryMs, Math.max(0, endAt - Date.now())));
  }
}

async function measuredAt(site: Site): Promise<Window["measured"]> {
  const target = site.target();
  const metrics =
    target && (await metricsOf(new URL("/metrics", target.url)).catch(() => undefined));
  return (
    metrics && {
      heapBytes: heapOf(metrics),
      residentBytes: residentOf(metrics),
      files: filesOf(metrics),
      lag: lagOf(metrics),
    }
  );
}

await using undo = new AsyncDisposableStack();
endWithSignal(undo);
const folder = undo.use(await scratch());
const { defect } = values;
const begin = (env: Readonly<Record<string, string>>) =>
  launchDefective("test/soak/defective.ts", defect ?? "", env);
const site = undo.use(
  await Site.open({
    folder: folder.path,
    hasLine: false,
    ...(defect === undefined ? {} : { begin }),
  }),
);
const shelf = await shelfOf(site);
const windowMs = (minutes * 60_000) / windows;
const load = steadyLoad({ site, shelf, perSecond: rate, name: "soak", chance: chanceOf(seed) });
const seen: Window[] = [];
console.log(title);
for (let n = 0; n < windows; n += 1) {
  const [endAt, tally, disturbance] = [Date.now() + windowMs, load.next(), disturbances[n]];
  if (disturbance !== undefined) await disturb(site, disturbance);
  await pass(site, endAt);
  const window = { n, disturbance, tally, measured: await measuredAt(site) };
  seen.push(window);
  console.log(lineOf(window));
}
await load.stop();
const uneven = [...unevenness(seen, judgedFrom), ...(await site.settled())];
for (const complaint of uneven) console.log(`NOT FLAT: ${complaint}`);
const tooMuch = await overload(site, shelf);
for (const line of tooMuch.lines) console.log(line);
for (const complaint of tooMuch.complaints) console.log(`OVERLOADED: ${complaint}`);

const marks: Marks = {
  "growing-memory": /^(heap|RSS) /,
  "open-files": /^files /,
  "growing-latency": /^p(50|95) /,
  forgetful: /acknowledged and not kept/,
  "late-refusals": /what is refused is/,
};
conclude(defect, [...uneven, ...tooMuch.complaints].some(isSign(defect, marks)));
