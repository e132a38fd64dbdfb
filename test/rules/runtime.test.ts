import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseSync, Visitor, type ParseResult } from "oxc-parser";

const root = path.join(import.meta.dirname, "../..");

/** Adapters of what lives in real time: sockets, servers, child processes; and the process itself. */
const ofTheMachine =
  /^src\/(main|cli)\.ts$|^src\/console\/|\/commands\.ts$|^src\/platform\/(system\.ts$|(postgres|redis|http|process|resilience|telemetry)\/)|\/stand-ins\/|\/postgres-notify\.ts$|\/examine-upstream\.ts$/;
const ofTests = /\.test\.ts$|\.contract\.ts$|\.services\.ts$|\/testing\//;

const clocks = new Set([
  "setTimeout",
  "setInterval",
  "setImmediate",
  "performance",
  "Date",
  // All of these could be had from it.
  "globalThis",
  "global",
]);
/** Parts of globals that tell the time or wait. */
const partsOfGlobals = new Set([
  "process.hrtime",
  "process.uptime",
  "Atomics.wait",
  "Atomics.waitAsync",
  "Math.random",
  "AbortSignal.timeout",
  "Intl.DateTimeFormat",
  ...[...clocks].map((name) => `globalThis.${name}`),
]);
const pure = new Set(["Date.parse", "Date.UTC"]);
const modules = /^(node:)?(timers|timers\/promises|perf_hooks)$|\/system\.ts$/;

type Found = { readonly start: number; readonly name: string };

function modulesIn(parsed: ParseResult): readonly Found[] {
  const { staticImports, staticExports } = parsed.module;
  const requests = [
    ...staticImports.map(({ moduleRequest }) => moduleRequest),
    ...staticExports.flatMap(({ entries }) => entries.map(({ moduleRequest }) => moduleRequest)),
  ];
  const found = requests.flatMap((request) =>
    request ? [{ start: request.start, name: request.value }] : [],
  );
  new Visitor({
    ImportExpression({ source }) {
      if (source.type === "Literal" && typeof source.value === "string")
        found.push({ start: source.start, name: source.value });
    },
  }).visit(parsed.program);
  return found.filter(({ name }) => modules.test(name));
}

function clocksIn({ program }: ParseResult): readonly Found[] {
  const found: Found[] = [];
  const fine = new Set<number>();
  new Visitor({
    MemberExpression({ object, property, computed }) {
      if (!computed) fine.add(property.start);
      if (object.type !== "Identifier" || property.type !== "Identifier") return;
      const name = `${object.name}.${property.name}`;
      if (partsOfGlobals.has(name)) found.push({ start: object.start, name });
      if (pure.has(name)) fine.add(object.start);
    },
    NewExpression({ callee, arguments: given }) {
      const [first] = given;
      if (first && first.type !== "SpreadElement") fine.add(callee.start);
    },
    Property: ({ key, shorthand }) => void (!shorthand && fine.add(key.start)),
    TSPropertySignature: ({ key }) => void fine.add(key.start),
    TSTypeReference: ({ typeName }) => void fine.add(typeName.start),
    Identifier: ({ name, start }) => void (clocks.has(name) && found.push({ start, name })),
  }).visit(program);
  return found.filter(({ start, name }) => !(clocks.has(name) && fine.has(start)));
}

/** Where code asks the machine for the time, or waits, without a port. */
function unported(file: string, text: string): readonly string[] {
  const parsed = parseSync(file, text);
  return [...modulesIn(parsed), ...clocksIn(parsed)]
    .toSorted((x, y) => x.start - y.start)
    .map(({ start, name }) => `${file}:${text.slice(0, start).split("\n").length} ${name}`);
}

test("only adapters of the machine use its clock and its timers; all other code has ports", () => {
  const files = globSync("{src,examples}/**/*.ts", { cwd: root }).map((file) =>
    file.replaceAll(path.sep, "/"),
  );
  const bound = files.filter((file) => !ofTheMachine.test(file) && !ofTests.test(file));
  assert.ok(bound.length > 200);

  const found = bound.flatMap((file) =>
    unported(file, readFileSync(path.join(root, file), "utf8")),
  );

  assert.deepEqual(found, []);
});

test("a clock or a timer without a port is found in whatever form", () => {
  const planted = [
    'import { setTimeout as sleep } from "node:timers/promises";',
    'import { systemClock } from "#platform/system.ts";',
    'export { setTimeout as later } from "node:timers/promises";',
    'const timers = await import("node:timers/promises");',
    "setTimeout(() => {}, 1);",
    "const now = Date.now;",
    "const { now: then } = Date;",
    "const started = performance.now();",
    "const date = new Date();",
    "const other = new Date(...[]);",
    "const third = new globalThis.Date();",
    "const fourth = [1].map(Date.now);",
    'const fifth = Date["now"]();',
    "const sixth = process.hrtime.bigint();",
    "const signal = AbortSignal.timeout(10);",
    "const text = new Intl.DateTimeFormat().format();",
    "const root = globalThis;",
    "const { setTimeout: later } = global;",
    "Atomics.wait(new Int32Array(1), 0, 0, 10);",
    "const up = process.uptime();",
    "const number = Math.random();",
    "const fine = [new Date(0), Date.parse('2026'), { Date: 1 }.Date];",
    "let typed: Date;",
  ];
  const found = unported("planted.ts", planted.join("\n")).map((line) => line.split(" ")[0]);
  const lines = Array.from({ length: 21 }, (_, i) => `planted.ts:${i + 1}`);
  assert.deepEqual([...new Set(found)], lines);
});
