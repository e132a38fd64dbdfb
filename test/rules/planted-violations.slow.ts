import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, test } from "node:test";

const root = path.resolve(import.meta.dirname, "../..");
const copy = mkdtempSync(path.join(os.tmpdir(), "basalt-rules-"));
after(() => rmSync(copy, { recursive: true, force: true }));

const copied = ["src", "package.json", "tsconfig.base.json", "tsconfig.json", ".oxlintrc.json"];
for (const name of copied)
  cpSync(path.join(root, name), path.join(copy, name), { recursive: true });
symlinkSync(path.join(root, "node_modules"), path.join(copy, "node_modules"), "junction");

const run = (program: string, args: readonly string[]) => {
  const bin = path.join(root, "node_modules/.bin", program);
  const { status, stdout, stderr } = spawnSync(bin, args, {
    cwd: copy,
    encoding: "utf8",
    shell: process.platform === "win32",
  });
  return { failed: status !== 0, output: stdout + stderr };
};

type Violation = {
  readonly title: string;
  /** The folder that it is planted in. */
  readonly folder: string;
  readonly text: string;
};

/** Plants every violation in a file of its own, and looks once at all of them. */
function found(violations: readonly Violation[], look: (files: readonly string[]) => string) {
  const files = violations.map(({ folder }, i) => `${folder}/planted-${i}.ts`);
  for (const [i, { text }] of violations.entries()) {
    const file = path.join(copy, files[i] ?? "");
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
  try {
    const output = look(files);
    return violations.filter((_, i) => !output.includes(`planted-${i}.ts`));
  } finally {
    for (const file of files) rmSync(path.join(copy, file));
  }
}

const contexts = readdirSync(path.join(root, "src/contexts"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => `src/contexts/${name}`);
const cores = ["src/kernel", "src/contexts"];
const rooms = contexts.flatMap((context) => [`${context}/domain`, `${context}/application/deep`]);

test("without a violation, compiler and lint are content with the same copy", () => {
  assert.equal(run("tsc", ["-b", ...cores]).output, "");
  const { failed, output } = run("oxlint", ["--type-aware", "src/kernel", "src/contexts"]);
  assert.equal(failed, false, output);
});

const inEach = (folders: readonly string[], title: string, text: string): readonly Violation[] =>
  folders.map((folder) => ({ title, folder, text }));

test("the compiler refuses in kernel, domain and application what they must not know", () => {
  const core = ["src/kernel", ...rooms];
  const violations = [
    ...inEach(core, "Node's globals", "export const x = process.pid;"),
    ...inEach(core, "the web's globals", "export const x = fetch;"),
    ...inEach(core, "timers", "setTimeout(() => {}, 1);"),
    ...inEach(core, "Node's modules", 'import { readFileSync } from "node:fs"; readFileSync("x");'),
    ...inEach(core, "a package", 'import pg from "pg"; export const x = pg;'),
    ...inEach(
      core,
      "the type of a package",
      'import type { Pool } from "pg"; export type X = Pool;',
    ),
    ...inEach(
      core,
      "the platform",
      'import { Unavailable } from "#platform/unavailable.ts"; export const x = Unavailable;',
    ),
    ...inEach(
      rooms,
      "a door",
      'import { UserId } from "#contexts/identity"; export const x = UserId;',
    ),
  ];
  const missed = found(violations, () => run("tsc", ["-b", ...cores]).output);
  assert.deepEqual(missed, []);
});

test("a refusal without a status does not compile", () => {
  const text = `import { post } from "#platform/http/route.ts";
    import { GetUser } from "../application/users/get-user.ts";
    import type { Identity } from "../index.ts";
    export const route = (identity: Identity) =>
      post("/x", { id: "x", summary: "X", input: GetUser, handle: identity.getUser, success: 204, refusals: {} });`;
  const violation = { title: "a status", folder: "src/contexts/identity/presentation", text };
  let output = "";
  const missed = found([violation], () => (output = run("tsc", ["-b"]).output));
  assert.deepEqual(missed, []);
  assert.match(output, /user-not-found/);
});

test("lint refuses the clock, chance, floating promises and long functions", () => {
  const inner = ["src/kernel/deep", ...rooms];
  const violations = [
    ...inEach(rooms, "the clock", "export const x = new Date();"),
    ...inEach(inner, "the time", "export const x = Date.now();"),
    ...inEach(inner, "chance", "export const x = Math.random();"),
    ...inEach(
      ["src/platform"],
      "a floating promise",
      "export async function f() {} export const g = () => { f(); };",
    ),
    ...inEach(
      ["src/platform"],
      "a function over 70 lines",
      `export function f() {\n${"  console.log(1);\n".repeat(71)}}`,
    ),
  ];
  const lint = (files: readonly string[]) =>
    run("oxlint", ["--type-aware", "-f", "unix", ...files]).output;
  assert.deepEqual(found(violations, lint), []);
});
