// npm run mutate -- [area …]: plants defects by chance, and counts those that no test sees.
import { readFileSync } from "node:fs";
import { glob } from "node:fs/promises";
import path from "node:path";
import { parseArgs } from "node:util";
import { Stryker } from "@stryker-mutator/core";
import { globalSetup, globalTeardown } from "../test/support/global-setup.ts";
import { endWithSignal } from "../test/support/signals.ts";
import { chanceOf, type Chance } from "../test/support/chance.ts";

type Area = {
  readonly files: readonly string[];
  readonly tests: readonly string[];
  /** Its tests need Postgres and take their time: of its lines, some are drawn. */
  readonly isSampled?: true;
};

const sampled = (files: string, ...tests: readonly string[]): Area => ({
  files: [files],
  tests,
  isSampled: true,
});
/** What speaks SQL; the rest of the events is tried on memory. */
const ofTheLog =
  "postgres-*|*-statements|admin|health|housekeeping|mend-positions|rebuild|asyncapi";
const overHttp = (names: string) => `test/e2e/${names}.test.ts`;
const areas: Readonly<Record<string, Area>> = {
  domain: {
    files: ["src/kernel/*.ts", "src/contexts/*/domain/*.ts"],
    tests: [
      "src/kernel/*.test.ts",
      "src/contexts/*/domain/*.test.ts",
      "test/rules/asyncapi.test.ts",
      "src/contexts/*/testing/memory-{identity,catalog,accounts,drive}.test.ts",
    ],
  },
  events: sampled(
    `src/platform/events/!(${ofTheLog}).ts`,
    "src/platform/memory/{memory-store,memory-subscription,consumer-twins}.test.ts",
  ),
  log: sampled(
    `src/platform/events/@(${ofTheLog}).ts`,
    "src/platform/events/*.test.ts",
    "test/rules/asyncapi.test.ts",
    "src/contexts/catalog/infrastructure/search-read-model.test.ts",
  ),
  postgres: sampled("src/platform/postgres/*.ts", "src/platform/{postgres,memory}/*.test.ts"),
  audit: sampled("src/platform/audit/*.ts", "src/platform/{audit,memory}/*.test.ts"),
  cache: sampled("src/platform/cache/*.ts", "src/platform/cache/*.test.ts"),
  http: sampled(
    "src/platform/http/*.ts",
    "src/platform/http/*.test.ts",
    overHttp("{access,edge-over-http,users-over-http,limits-over-http}"),
  ),
  infrastructure: sampled(
    "src/contexts/*/infrastructure/*.ts",
    "src/contexts/*/{application,infrastructure,testing}/**/*.test.ts",
    overHttp("search-over-http"),
  ),
  presentation: sampled(
    "src/contexts/*/presentation/*.ts",
    "src/contexts/*/presentation/*.test.ts",
    overHttp("{access,*-over-http}"),
  ),
};

const usage = `usage: npm run mutate -- [--lines 80] [--seed 1] [AREA …]
Changes the code in one spot at a time and runs the tests that come by it; what passes is a survivor.
Areas: ${Object.keys(areas).join(", ")}; all of them unless said.
--lines: so many lines of each area are drawn, by the seed, but for the domain, which is changed whole.
The score must be 85 % in the domain and 80 % elsewhere. The whole takes hours; an area, half an hour.`;

const { values, positionals: asked } = parseArgs({
  allowPositionals: true,
  options: {
    lines: { type: "string", default: "80" },
    seed: { type: "string", default: "1" },
    help: { type: "boolean" },
  },
});
const [lines, seed] = [Number(values.lines), Number(values.seed)];
const isKnown = asked.every((name) => Object.hasOwn(areas, name));
if (values.help || !isKnown || !(lines > 0) || !Number.isSafeInteger(seed)) {
  console.log(usage);
  process.exit(values.help ? 0 : 2);
}

const isTest = (file: string) => /\.(test|contract|services|slow|d)\.ts$|testing\//.test(file);
/** A line that neither imports nor comments nor closes: one that can be changed. */
const isCode = (line: string) =>
  /[a-z]/.test(line) && !/^\s*(import|export type|\/?\*|\/\/|type)/.test(line);

async function linesOf({ files }: Area): Promise<readonly string[]> {
  const found: string[] = [];
  for await (const file of glob([...files]))
    if (!isTest(file))
      for (const [i, line] of readFileSync(file, "utf8").split("\n").entries())
        if (isCode(line)) found.push(`${file}:${i + 1}-${i + 1}`);
  return found.toSorted();
}

function drawn(from: readonly string[], chance: Chance): readonly string[] {
  const keyed = from.map((line) => ({ line, key: chance() }));
  return keyed
    .toSorted((a, b) => a.key - b.key)
    .slice(0, lines)
    .map(({ line }) => line);
}

async function run(name: string, area: Area): Promise<void> {
  const mutate = area.isSampled
    ? drawn(await linesOf(area), chanceOf(seed))
    : [...area.files, "!**/*.test.ts", "!**/*.d.ts"];
  console.log(`${name}: ${mutate.length} ${area.isSampled ? "lines" : "patterns"}, seed ${seed}`);
  await new Stryker({
    mutate: [...mutate],
    tap: { testFiles: [...area.tests] },
    // What an error or a log says is promised to nobody; a statement without a text always fails.
    ...(area.isSampled ? { mutator: { excludedMutations: ["StringLiteral"] } } : {}),
    thresholds: { high: 95, low: 90, break: area.isSampled ? 80 : 85 },
    jsonReporter: { fileName: path.join("reports", `mutation-${name}.json`) },
  }).runMutationTest();
}

await using undo = new AsyncDisposableStack();
undo.defer(globalTeardown);
endWithSignal(undo);
await globalSetup();
for (const [name, area] of Object.entries(areas))
  if (asked.length === 0 || asked.includes(name)) await run(name, area);
