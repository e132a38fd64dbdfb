// Runs all tests, child processes included, and holds the lines of each layer to its floor.
// With --measured: after a run of the tests that has left its coverage in dist/coverage/raw.
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync, rmSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const raw = path.join(root, "dist/coverage/raw");
const report = path.join(root, "dist/coverage");

type Layer = { readonly name: string; readonly files: RegExp; readonly floor: number };

const layers: readonly Layer[] = [
  { name: "domain", files: /^src\/(kernel|contexts\/\w+\/domain)\//, floor: 95 },
  { name: "application", files: /^src\/contexts\/\w+\/(application\/|index)/, floor: 90 },
  {
    name: "infrastructure",
    files: /^src\/(contexts\/\w+\/infrastructure|platform\/(?!http\/))/,
    floor: 70,
  },
  {
    name: "presentation",
    files:
      /^src\/(contexts\/\w+\/(presentation|client|module|commands|\w+-commands|demo-data|settings|grants)|platform\/http|console\/|[\w-]+\.ts$)/,
    floor: 85,
  },
];

const run = (program: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) => {
  const { status } = spawnSync(program, args, { cwd: root, env, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
};

type Summary = Readonly<Record<string, { readonly lines: Record<"total" | "covered", number> }>>;

function runTests(): void {
  rmSync(report, { recursive: true, force: true });
  const { scripts } = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")) as {
    readonly scripts: { readonly test: string; readonly "test:slow": string };
  };
  for (const script of [scripts.test, scripts["test:slow"]]) {
    const [, ...tests] = script.replaceAll('"', "").split(" ");
    const env = { ...process.env, NODE_V8_COVERAGE: raw };
    run(process.execPath, ["--test-reporter=dot", ...tests], env);
  }
}

/** How many tests there are of each kind, by where they are and what they use. */
function countTests(): void {
  const kinds = { unit: 0, integration: 0, "end to end": 0 };
  for (const file of globSync("{src,test,examples}/**/*.{test,contract,slow}.ts", { cwd: root })) {
    const text = readFileSync(path.join(root, file), "utf8");
    const count = text.match(/^\s*(?:await )?test\(/gm)?.length ?? 0;
    const usesServers = /testDatabase|postgresSubject|createServer|#test\/basalt/.test(text);
    if (/^test\/(e2e|soak|crash|fuzz)\//.test(file)) kinds["end to end"] += count;
    else if (usesServers) kinds.integration += count;
    else kinds.unit += count;
  }
  const all = Object.values(kinds).reduce((sum, count) => sum + count, 0);
  const shares = Object.entries(kinds).map(
    ([kind, count]) => `${Math.round((100 * count) / all)} % ${kind} (${count})`,
  );
  console.log(`tests: ${shares.join(", ")}; a contract counts once`);
}

countTests();
const isMeasured = process.argv.includes("--measured");
if (!isMeasured) runTests();
else if (!existsSync(raw)) {
  console.error(`nothing was measured: run the tests with NODE_V8_COVERAGE=${raw}`);
  process.exit(1);
}
run(process.execPath, [
  path.join(root, "node_modules/c8/bin/c8.js"),
  "report",
  "--temp-directory",
  raw,
  "--reports-dir",
  report,
  "--all",
  "--src",
  "src",
  "--include",
  "src/**/*.ts",
  "--exclude",
  "**/*.{test,contract,services}.ts",
  "--exclude",
  "**/{*.d.ts,testing/**}",
  "--reporter",
  "json-summary",
  "--reporter",
  "lcovonly",
]);

const summary = JSON.parse(
  readFileSync(path.join(report, "coverage-summary.json"), "utf8"),
) as Summary;
/** A file of types and comments alone has no line that a test could run. */
const hasCode = (file: string): boolean =>
  stripTypeScriptTypes(readFileSync(file, "utf8"))
    .replaceAll(/\/\*[^]*?\*\/|\/\/.*|;/g, "")
    .trim() !== "";

const files = Object.entries(summary)
  .filter(([file]) => file !== "total" && hasCode(file))
  .map(([file, { lines }]) => ({
    file: path.relative(root, file).replaceAll(path.sep, "/"),
    ...lines,
  }));

const percentOf = (some: readonly { readonly total: number; readonly covered: number }[]) =>
  (100 * some.reduce((sum, { covered }) => sum + covered, 0)) /
  some.reduce((sum, { total }) => sum + total, 0);

for (const { name, files: pattern, floor } of layers) {
  const mine = files.filter(({ file }) => pattern.test(file));
  const percent = percentOf(mine);
  console.log(`${name}: ${percent.toFixed(1)} % of the lines are tested (floor ${floor} %)`);
  if (percent >= floor) continue;
  process.exitCode = 1;
  const worst = mine.toSorted((a, b) => a.covered - a.total - (b.covered - b.total));
  for (const { file, total, covered } of worst.slice(0, 5))
    console.log(`  ${file}: ${total - covered} lines are not`);
}
const homeless = files.filter(({ file }) => !layers.some((layer) => layer.files.test(file)));
for (const { file } of homeless) {
  console.log(`${file} belongs to no layer`);
  process.exitCode = 1;
}
