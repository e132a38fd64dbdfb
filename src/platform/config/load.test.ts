import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { basalt } from "../../composition.ts";
import { scratch } from "#test/basalt.ts";
import { ConfigurationInvalid, envExample, environmentWith, loadSettings } from "./load.ts";
import { platformSettings } from "./settings.ts";

const root = path.resolve(import.meta.dirname, "../../..");

test("settings have their types and defaults", () => {
  const settings = loadSettings(
    {
      PORT: "8080",
      BASALT_CORS_ORIGINS: "https://a.io, https://b.io",
    },
    platformSettings,
  );
  assert.equal(settings.port, 8080);
  assert.deepEqual(settings.corsOrigins, ["https://a.io", "https://b.io"]);
  assert.equal(settings.environment, "development");
  assert.equal(settings.databaseUrl, undefined);
});

test("lists all invalid settings at once", () => {
  const wrong = { PORT: "70000", BASALT_CORS_ORIGINS: "*", BASALT_UNKNOWN: "x", BASALT_DOCS: "so" };
  assert.throws(
    () => loadSettings(wrong, platformSettings),
    (error) =>
      error instanceof ConfigurationInvalid &&
      Object.keys(wrong).every((name) => error.problems.some((line) => line.startsWith(name))),
  );
});

test("a secret may come from a file, but not from both", async () => {
  await using folder = await scratch();
  const file = path.join(folder.path, "secret");
  writeFileSync(file, "postgres://h/d\n");
  const fromFile = { BASALT_DATABASE_URL_FILE: file };
  assert.equal(loadSettings(fromFile, platformSettings).databaseUrl, "postgres://h/d");
  assert.throws(
    () => loadSettings({ ...fromFile, BASALT_DATABASE_URL: "x" }, platformSettings),
    /both set/,
  );
  assert.throws(
    () => loadSettings({ BASALT_DATABASE_URL_FILE: `${file}.not` }, platformSettings),
    /ENOENT/,
  );
});

test("the environment wins over .env", async () => {
  await using folder = await scratch();
  const file = path.join(folder.path, ".env");
  assert.deepEqual(environmentWith(file, { PORT: "1" }), { PORT: "1" });
  writeFileSync(file, "PORT=2\nHOST=::1\n");
  assert.deepEqual(environmentWith(file, { PORT: "1" }), { PORT: "1", HOST: "::1" });
});

test(".env.example is made from the settings", () => {
  assert.equal(readFileSync(path.join(root, ".env.example"), "utf8"), envExample(basalt.settings));
});
