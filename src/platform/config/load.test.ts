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

test("each setting has a format, which is checked with all others before anything starts", () => {
  const wrong = {
    BASALT_DATABASE_URL: "mysql://h/d",
    BASALT_MASTER_KEY: "c2hvcnQ=",
    BASALT_PUBLIC_URL: "foo",
    BASALT_APP_URL: "ftp://h",
    BASALT_REDIS_URL: "localhost:6379",
    BASALT_SMTP_URL: "mail.example.com",
    BASALT_EMAIL_FROM: "nobody",
    BASALT_TRUST_PROXY: "10.0.0.0/64",
    BASALT_API_PREFIX: "/",
    OTEL_EXPORTER_OTLP_ENDPOINT: "4318",
    BASALT_ADMIN_EMAIL: "admin",
    BASALT_ADMIN_PASSWORD: "short",
    BASALT_CATALOG_STOCK_URL: "other:3000",
    BASALT_CATALOG_PRICES_URL: "x",
  };
  assert.throws(
    () => basalt.load(wrong),
    (error) => {
      assert.ok(error instanceof ConfigurationInvalid);
      const named = error.problems.map((line) => line.split(" ")[0] ?? "").toSorted();
      assert.deepEqual(named, Object.keys(wrong).toSorted());
      assert.doesNotMatch(error.message, /c2hvcnQ|short/, "secrets are not printed");
      return true;
    },
  );
  const right = {
    BASALT_DATABASE_URL: "postgresql:///basalt?host=/var/run/postgresql",
    BASALT_TRUST_PROXY: "loopback, 10.0.0.0/8, fd00::/8",
    BASALT_EMAIL_FROM: "Shop <shop@example.com>",
    BASALT_SMTP_URL: "smtps://user:secret@mail.example.com:465",
  };
  assert.equal(basalt.load(right).trustProxy, right.BASALT_TRUST_PROXY);
  for (const url of [
    "postgres://u:p@h:5432/d",
    "postgres://u:p@%2Ftmp%2Fx/d",
    "socket:/tmp/x?db=d",
  ])
    assert.equal(basalt.load({ BASALT_DATABASE_URL: url }).databaseUrl, url);
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
