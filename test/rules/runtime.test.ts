import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { parseSync, Visitor } from "oxc-parser";

const root = path.join(import.meta.dirname, "../..");

/** Adapters of what lives in real time: sockets, servers, child processes; and the process itself. */
const ofTheMachine =
  /^src\/(main|cli)\.ts$|^src\/console\/|\/commands\.ts$|^src\/platform\/(system\.ts$|(postgres|redis|http|process|resilience|telemetry)\/)|\/postgres-notify\.ts$|\/argon2-passwords\.ts$|\/examine-upstream\.ts$/;
const ofTests = /\.test\.ts$|\.contract\.ts$|\.services\.ts$|\/testing\//;

const globals = new Set(["setTimeout", "setInterval", "setImmediate", "performance", "Date"]);
const modules = /^(node:)?(timers|timers\/promises|perf_hooks)$|\/system\.ts$/;

/** Where code asks the machine for the time, or waits, without a port. */
function unported(file: string, text: string): readonly string[] {
  const found: string[] = [];
  const { program, module } = parseSync(file, text);
  const lineOf = (start: number) => text.slice(0, start).split("\n").length;
  for (const { moduleRequest } of module.staticImports)
    if (modules.test(moduleRequest.value))
      found.push(`${file}:${lineOf(moduleRequest.start)} ${moduleRequest.value}`);
  const called = (name: string, start: number) => {
    if (globals.has(name)) found.push(`${file}:${lineOf(start)} ${name}`);
  };
  new Visitor({
    CallExpression({ callee }) {
      if (callee.type === "Identifier") called(callee.name, callee.start);
      if (callee.type === "MemberExpression" && callee.object.type === "Identifier")
        if (callee.property.type === "Identifier" && callee.property.name !== "parse")
          called(callee.object.name, callee.start);
    },
    NewExpression({ callee, arguments: given }) {
      if (callee.type === "Identifier" && given.length === 0) called(callee.name, callee.start);
    },
  }).visit(program);
  return found;
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
    "setTimeout(() => {}, 1);",
    "const now = Date.now();",
    "const started = performance.now();",
    "const date = new Date();",
    "const fine = new Date(0);",
  ];
  assert.deepEqual(unported("planted.ts", planted.join("\n")), [
    "planted.ts:1 node:timers/promises",
    "planted.ts:2 #platform/system.ts",
    "planted.ts:3 setTimeout",
    "planted.ts:4 Date",
    "planted.ts:5 performance",
    "planted.ts:6 Date",
  ]);
});
