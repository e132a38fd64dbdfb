// npm run crash -- --rounds N --seed S [--defect NAME]: crashes under load, and what they left.
import { parseArgs } from "node:util";
import { scratch } from "../support/basalt.ts";
import { conclude, isSign, type Marks } from "../support/defective.ts";
import { endWithSignal } from "../support/signals.ts";
import { faultNames } from "./faults.ts";
import { Arena, type Round } from "./rounds.ts";

const usage = `usage: npm run crash -- [--rounds 20] [--seed 1] [--fault NAME] [--defect NAME]
Kills Basalt and its Postgres, cuts and slows what is between them, in the midst of writes, and
looks for what was lost, was done twice, or hangs. The same seed draws the same requests and
moments; how they race is another each time. What a bad round leaves is kept, and its place printed.
--fault: only this one: ${faultNames.join(", ")}.
--defect: of a Basalt with this defect planted (see test/crash/server.ts); it must be caught.`;

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    fault: { type: "string" },
    defect: { type: "string" },
    help: { type: "boolean" },
  },
});
const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
const isWhole = Number.isSafeInteger(rounds) && rounds > 0 && Number.isSafeInteger(seed);
const faults = faultNames.filter((fault) => fault === (values.fault ?? fault));
const [firstFault] = faults;
if (values.help || !isWhole || !firstFault) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const shownAtMost = 5;
/**
 * From a kill to the first answer, in starts that nothing disturbs, so that the machine does not decide.
 * Promised is the middle of all rounds; after the other, somebody waits for what does not come.
 */
const restartLimits = { middle: 3, any: 8 };

const shown = ({ restartMs, strikes }: Round["broken"]): string =>
  [
    ...(restartMs === undefined ? [] : [`, answers again after ${restartMs.toFixed(0)} ms`]),
    ...(strikes ? [`, ${strikes.hits} of ${strikes.kills} kills fell into it`] : []),
  ].join("");

function lineOf(n: number, { fault, done, refused, attempts, broken, complaints }: Round): string {
  const verdict = complaints.length === 0 ? "ok" : `BAD (${complaints.length})`;
  const what = complaints.slice(0, shownAtMost).map((complaint) => `\n    ${complaint}`);
  return `${String(n).padStart(3)}  ${fault.padEnd(22)} ${verdict}: ${done} done, ${refused} refused, ${attempts} attempts${shown(broken)}${what.join("")}`;
}

const marks: Marks = {
  "no-inbox": /two answers to|made twice|receipts acknowledged/,
  "transfer-before-money": /money: /,
  "commit-before-append": /is not what its events say|lost: |registered/,
  "checkpoint-before-effect": /differ|got no email/,
  "effect-before-checkpoint": /differ/,
  "bare-sequence": /differ|got no email|trail\.\w+: /,
  "passed-over": /trail\.\w+: /,
  "refused-is-away": /emails wait for those that are refused/,
  "slow-is-away": /trail\.fragile: /,
  "unknown-is-unwanted": /trail\.\w+: /,
  "other-slots": /trail\.\w+: |differ|got no email/,
  "no-fencing": /trail\.\w+: /,
};
const isBad = isSign(values.defect, marks);

await using undo = new AsyncDisposableStack();
endWithSignal(undo);
const folder = await scratch();
const litter = undo.use(new AsyncDisposableStack());
litter.use(folder);
const arena = undo.use(await Arena.open(folder.path, values.defect));
const [startedAt, restarts]: [number, number[]] = [performance.now(), []];
let [bad, hits, done, refused] = [0, 0, 0, 0];
for (let n = 1; n <= rounds; n += 1) {
  const round = await arena.round(n, faults[(n - 1) % faults.length] ?? firstFault, seed);
  const { restartMs, strikes } = round.broken;
  console.log(lineOf(n, round));
  if (round.complaints.some(isBad)) bad += 1;
  if (restartMs !== undefined) restarts.push(restartMs);
  hits += strikes?.hits ?? 0;
  done += round.done;
  refused += round.refused;
  if (bad > 0 && values.defect !== undefined) break;
}
const byTime = restarts.toSorted((a, b) => a - b);
const [middle = 0, slowest = 0] = [byTime[byTime.length >> 1], byTime.at(-1)];
const inStarts = (ms: number) => ms / arena.quietStartMs;
const isSlow = inStarts(middle) > restartLimits.middle || inStarts(slowest) > restartLimits.any;
console.log(
  `${rounds} rounds in ${((performance.now() - startedAt) / 1_000).toFixed(0)} s, seed ${seed}: ${done} done and ${refused} refused as acknowledged, ` +
    `${bad} rounds bad; ${hits} kills fell into what they were meant for`,
);
if (restarts.length > 0)
  console.log(
    `answers again after ${middle.toFixed(0)} ms in the middle and ${slowest.toFixed(0)} ms at most: ` +
      `${inStarts(middle).toFixed(1)} and ${inStarts(slowest).toFixed(1)} times what a start takes ` +
      `(limits ${restartLimits.middle} and ${restartLimits.any})${isSlow ? ": TOO SLOW" : ""}`,
  );
if (values.defect === undefined && bad > 0) {
  litter.move();
  console.log(`the ledger, the server's log and Postgres' data are in ${folder.path}`);
}
conclude(values.defect, bad > 0 || (values.defect === undefined && isSlow));
