// npm run crash -- --rounds N --seed S [--defect NAME]: crashes under load, and what they left.
import { parseArgs } from "node:util";
import { numbersFrom } from "../../src/contexts/catalog/application/demo-products.ts";
import { scratch } from "../support/basalt.ts";
import { Arena, faults, type Round } from "./rounds.ts";

const usage = `usage: npm run crash -- [--rounds 20] [--seed 1] [--fault NAME] [--defect NAME]
Kills Basalt and its Postgres, cuts and slows what is between them, in the midst of writes, and
looks for what was lost, was done twice, or hangs. The same seed takes the same chances.
--fault: only this one, as in "${faults.at(-1)}".
--defect: of a Basalt with this defect planted (see test/crash/defective.ts); it must be caught.`;

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
const isWhole = [rounds, seed].every((n) => Number.isSafeInteger(n) && n >= 0);
const chosen = faults.filter((fault) => fault === (values.fault ?? fault));
if (values.help || !isWhole || chosen.length === 0) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const shownAtMost = 5;
/** From the start of a process to its first answer, in the middle of all rounds. */
const restartLimitMs = 3_000;

function lineOf(
  n: number,
  { fault, acknowledged, attempts, broken: { restartMs, strikes }, complaints }: Round,
): string {
  const restart = restartMs === undefined ? "" : `, ready again after ${restartMs.toFixed(0)} ms`;
  const struck = strikes ? `, ${strikes.hits} of ${strikes.kills} kills fell into it` : "";
  const verdict = complaints.length === 0 ? "ok" : `BAD (${complaints.length})`;
  const what = complaints.slice(0, shownAtMost).map((complaint) => `\n    ${complaint}`);
  return `${String(n).padStart(3)}  ${fault.padEnd(22)} ${verdict}: ${acknowledged} acknowledged of ${attempts} attempts${restart}${struck}${what.join("")}`;
}

/** What each planted defect does: another complaint would not show that it is seen. */
const marks: Readonly<Record<string, RegExp>> = {
  "no-inbox": /two answers to one key|made twice|receipts acknowledged/,
  "commit-before-append": /is not what its events say|lost: |people registered/,
  "checkpoint-before-effect": /differ|emails were sent/,
  "bare-sequence": /differ|emails were sent/,
};
const mark = values.defect === undefined ? /./ : (marks[values.defect] ?? /$^/);

const chance = numbersFrom(seed);
await using folder = await scratch();
await using arena = await Arena.open(folder.path, values.defect);
let [bad, hits] = [0, 0];
const restarts: number[] = [];
let acknowledged = 0;
for (let n = 1; n <= rounds; n += 1) {
  const fault = chosen[(n - 1) % chosen.length] ?? faults[0];
  const round = await arena.round(`s${seed}r${n}`, fault, chance);
  console.log(lineOf(n, round));
  if (round.complaints.some((complaint) => mark.test(complaint))) bad += 1;
  const { restartMs, strikes } = round.broken;
  if (restartMs !== undefined) restarts.push(restartMs);
  hits += strikes?.hits ?? 0;
  acknowledged += round.acknowledged;
  if (bad > 0 && values.defect !== undefined) break;
}
const byTime = restarts.toSorted((a, b) => a - b);
const [median = 0, slowest = 0] = [byTime[byTime.length >> 1], byTime.at(-1)];
const isSlow = median > restartLimitMs;
console.log(
  `${rounds} rounds, seed ${seed}: ${acknowledged} acknowledged, ${bad} rounds bad, ` +
    `${hits} kills fell into a migration or a rebuild, ` +
    `ready again after ${median.toFixed(0)} ms (limit ${restartLimitMs}), ${slowest.toFixed(0)} ms at most`,
);
if (values.defect !== undefined)
  console.log(`${values.defect} was ${bad > 0 ? "caught" : "NOT caught"}`);
const isAsWished = values.defect === undefined ? bad === 0 && !isSlow : bad > 0;
process.exitCode = isAsWished ? 0 : 1;
