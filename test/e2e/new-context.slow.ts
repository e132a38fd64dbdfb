import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, readdir, readFile, symlink } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { scratch } from "../support/basalt.ts";

const root = path.resolve(import.meta.dirname, "../..");
/** Everything that is checked in, but the lock file, so that nothing is installed. */
const parts = [
  ".env.example",
  ".oxlintrc.json",
  ".oxfmtrc.json",
  "bench",
  "docs",
  "examples",
  "knip.json",
  "package.json",
  "package-lock.json",
  "scripts",
  "src",
  "stryker.config.json",
  "test",
  "tsconfig.base.json",
  "tsconfig.json",
];

/** A copy of the project, with the tools of the original. */
async function copyOfProject() {
  const folder = await scratch();
  const into = (part: string) => path.join(folder.path, part);
  for (const part of parts)
    await cp(path.join(root, part), into(part), { recursive: true }).catch((error: unknown) => {
      if ((error as { readonly code?: string }).code !== "ENOENT") throw error;
    });
  await symlink(path.join(root, "node_modules"), into("node_modules"));
  // With it, a test runner takes itself for one of the outer runner's files.
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const run = (program: string, ...args: readonly string[]) =>
    promisify(execFile)(program, args, {
      cwd: folder.path,
      env: {
        ...env,
        PATH: `${into("node_modules/.bin")}${path.delimiter}${process.env["PATH"] ?? ""}`,
      },
    });
  return { ...folder, into, run, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

test("a new context is served, and passes types, lint, format, dead code and its own tests", async () => {
  await using project = await copyOfProject();
  const { run, into } = project;

  const made = await run("node", "src/cli.ts", "new", "context", "orders");
  assert.match(made.stdout, /The context orders is served by the next `npm start`/);
  assert.match(await readFile(into("src/composition.ts"), "utf8"), /\[identity, .*, orders\]/);
  assert.match(await readFile(into("docs/context-map.md"), "utf8"), /orders --> identity/);

  await run("tsc", "-b");
  await run("oxlint", "--type-aware");
  await run("oxfmt", "--check");
  await run("knip");
  const setup = "--test-global-setup=test/support/global-setup.ts";
  const tests = [
    "src/contexts/orders/**/*.test.ts",
    "test/rules/{imports,context-map,names,runtime}.test.ts",
    "test/e2e/access.test.ts",
  ];
  await run("node", "--test", setup, ...tests);

  const again = await run("node", "src/cli.ts", "new", "context", "orders").catch(
    (error: unknown) => error as { readonly stderr: string; readonly code: number },
  );
  assert.match(again.stderr, /src\/contexts\/orders exists already/);
});

test("names that would not work are refused, and nothing is made", async () => {
  await using project = await copyOfProject();
  const refusals: Readonly<Record<string, RegExp>> = {
    select: /neither TypeScript, SQL nor Basalt reserves/,
    public: /lower-case letters/,
    "../x": /lower-case letters/,
    news: /lower-case letters/,
    products: /there are routes named products/,
    promises: /Promise is a global of JavaScript/,
    errors: /Error is a global of JavaScript/,
    subscribers: /each event log has a table named subscribers/,
    brands: /the example uses the name Brand/,
    rows: /the example uses the name row/,
    identity: /name the aggregate with --one/,
  };
  for (const [name, why] of Object.entries(refusals)) {
    const { stderr } = await project
      .run("node", "src/cli.ts", "new", "context", name)
      .catch((error: unknown) => error as { readonly stderr: string });
    assert.match(stderr, why, name);
  }
  const contexts = (at: string) => readdir(path.join(at, "src/contexts"));
  assert.deepEqual(await contexts(project.path), await contexts(root));
});
