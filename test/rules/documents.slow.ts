import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { scratch, serve } from "../support/basalt.ts";

const root = path.resolve(import.meta.dirname, "../..");

/** Nothing but the lint: no telemetry, no question for a newer version. */
const quiet = {
  ...process.env,
  REDOCLY_TELEMETRY: "off",
  REDOCLY_SUPPRESS_UPDATE_NOTICE: "true",
};

const run = (program: string, args: readonly string[]) => {
  const { status, stdout, stderr } = spawnSync(
    path.join(root, "node_modules/.bin", program),
    [...args],
    { cwd: root, env: quiet, encoding: "utf8", shell: process.platform === "win32" },
  );
  return { status, output: stdout + stderr };
};

type Document = { readonly paths: Readonly<Record<string, Readonly<Record<string, object>>>> };

test("the OpenAPI document is one, and redocly and OWASP's rules find nothing in it", async () => {
  await using served = await serve();
  await using folder = await scratch();
  const file = path.join(folder.path, "openapi.json");
  const lint = () => run("redocly", ["lint", file, "--config", path.join(root, "redocly.yaml")]);
  const owasp = () =>
    run("spectral", ["lint", file, "-r", path.join(root, ".spectral.yaml"), "-F", "warn"]);
  const document = (await (await fetch(`${served.url}/openapi.json`)).json()) as Document;
  writeFileSync(file, JSON.stringify(document));
  const found = lint();
  assert.equal(found.status, 0, found.output);
  const weak = owasp();
  assert.equal(weak.status, 0, weak.output);

  const [name = "", methods = {}] = Object.entries(document.paths)[0] ?? [];
  const [method = ""] = Object.keys(methods);
  const planted = { ...document.paths, [name]: { [method]: { responses: {} } } };
  writeFileSync(file, JSON.stringify({ ...document, paths: planted }));
  assert.notEqual(lint().status, 0, "an operation without security and answers is seen");
  assert.notEqual(owasp().status, 0, "and so are answers without limits");
});

test("squawk finds nothing in the migrations", async () => {
  await using folder = await scratch();
  const lint = () => {
    const files = globSync("*.sql", { cwd: folder.path }).map((name) =>
      path.join(folder.path, name),
    );
    return run("squawk", ["--config", path.join(root, ".squawk.toml"), ...files]);
  };
  mkdirSync(folder.path, { recursive: true });
  const migrations = globSync("src/**/migrations/*.sql", { cwd: root });
  assert.ok(migrations.length > 5);
  for (const migration of migrations) {
    const text = readFileSync(path.join(root, migration), "utf8").replaceAll(
      "{schema}",
      "one_context",
    );
    writeFileSync(path.join(folder.path, migration.replaceAll(/[\\/]/g, "-")), text);
  }
  const found = lint();
  assert.equal(found.status, 0, found.output);

  const planted = "alter table catalog.products add column weight bigint not null;\n";
  writeFileSync(path.join(folder.path, "planted.sql"), planted);
  assert.notEqual(lint().status, 0, "a column that old rows cannot have is seen");
});
