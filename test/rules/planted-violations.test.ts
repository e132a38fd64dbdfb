import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
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

/** Adds a file to the copy of the sources while the tool looks at it. */
function planted<T>(file: string, text: string, look: () => T): T {
  writeFileSync(path.join(copy, file), text);
  try {
    return look();
  } finally {
    rmSync(path.join(copy, file));
  }
}

test("without a violation, compiler and lint are content with the same copy", () => {
  assert.equal(run("tsc", ["-b", "src/kernel", "src/contexts/identity"]).output, "");
  const { failed, output } = run("oxlint", ["--type-aware", "src/kernel", "src/contexts"]);
  assert.equal(failed, false, output);
});

const compiled: readonly (readonly [string, string, string])[] = [
  ["Node's globals", "src/contexts/identity/domain/planted.ts", "export const x = process.pid;"],
  ["the web's globals", "src/contexts/identity/application/planted.ts", "export const x = fetch;"],
  ["timers", "src/kernel/planted.ts", "setTimeout(() => {}, 1);"],
  [
    "Node's modules",
    "src/kernel/planted.ts",
    'import { readFileSync } from "node:fs"; readFileSync("x");',
  ],
  [
    "a package",
    "src/contexts/identity/domain/planted.ts",
    'import pg from "pg"; export const x = pg;',
  ],
  [
    "the type of a package",
    "src/contexts/identity/application/planted.ts",
    'import type { Pool } from "pg"; export type X = Pool;',
  ],
  [
    "the platform",
    "src/contexts/identity/application/planted.ts",
    'import { Unavailable } from "#platform/unavailable.ts"; export const x = Unavailable;',
  ],
  [
    "an adapter",
    "src/contexts/identity/application/planted.ts",
    'import { memoryUsers } from "../infrastructure/memory-users.ts"; export const x = memoryUsers;',
  ],
  [
    "another context, or its own door",
    "src/contexts/identity/domain/planted.ts",
    'import { createIdentity } from "#identity"; export const x = createIdentity;',
  ],
];

for (const [what, file, text] of compiled)
  test(`the compiler refuses ${what} in ${path.dirname(file)}`, () => {
    const project = file.startsWith("src/kernel") ? "src/kernel" : "src/contexts/identity";
    const { failed, output } = planted(file, text, () => run("tsc", ["-b", project]));
    assert.ok(failed);
    assert.match(output, /planted\.ts|memory-users\.ts/);
  });

test("a refusal without a status does not compile", () => {
  const text = `import { post } from "#platform/http/route.ts";
    import { GetUser } from "../application/get-user.ts";
    import type { Identity } from "../index.ts";
    export const route = (identity: Identity) =>
      post("/x", { summary: "X", input: GetUser, handle: identity.getUser, success: 204, refusals: {} });`;
  const { failed, output } = planted("src/contexts/identity/presentation/planted.ts", text, () =>
    run("tsc", ["-b"]),
  );
  assert.ok(failed);
  assert.match(output, /user-not-found/);
});

const linted: readonly (readonly [string, string, string])[] = [
  [
    "the clock in the domain",
    "src/contexts/identity/domain/planted.ts",
    "export const x = new Date();",
  ],
  [
    "chance in the domain",
    "src/contexts/identity/domain/planted.ts",
    "export const x = Math.random();",
  ],
  ["the clock in the kernel", "src/kernel/planted.ts", "export const x = Date.now();"],
  [
    "domain → application",
    "src/contexts/identity/domain/planted.ts",
    'import { GetUser } from "../application/get-user.ts"; export const x = GetUser;',
  ],
  [
    "presentation → infrastructure",
    "src/contexts/identity/presentation/planted.ts",
    'import { postgresUsers } from "../infrastructure/postgres-users.ts"; export const x = postgresUsers;',
  ],
  [
    "platform → a context",
    "src/platform/planted.ts",
    'import { createIdentity } from "#identity"; export const x = createIdentity;',
  ],
  [
    "past the door of another context",
    "src/contexts/identity/infrastructure/planted.ts",
    'import { x as y } from "../../../contexts/drive/domain/x.ts"; export const x = y;',
  ],
  [
    "a floating promise",
    "src/platform/planted.ts",
    "export async function f() {} export const g = () => { f(); };",
  ],
  [
    "a function over 70 lines",
    "src/platform/planted.ts",
    `export function f() {\n${"  console.log(1);\n".repeat(71)}}`,
  ],
];

for (const [what, file, text] of linted)
  test(`lint refuses ${what}`, () => {
    const { failed, output } = planted(file, text, () =>
      run("oxlint", ["--type-aware", "-f", "unix", file]),
    );
    assert.ok(failed, output);
    assert.match(output, /planted\.ts/);
  });
