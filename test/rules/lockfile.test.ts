import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";

type Package = { readonly version?: string; readonly dev?: boolean; readonly resolved?: string };
type Lock = { readonly packages: Readonly<Record<string, Package>> };

/** Two versions of one package at run time, and who insists on the older. */
const reasons: Readonly<Record<string, string>> = {
  "csv-parse": "casbin wants 5, we want 7",
  "fast-uri": "ajv 8 wants 3, fastify 4",
  "sonic-boom": "pino 10 wants 4, pino-pretty 5",
  "set-cookie-parser": "@tus/server wants 2, light-my-request, below fastify, 3",
  tslib: "tsyringe, below @simplewebauthn/server, wants 1",
};

/** What is wrong with a lock file: a registry's address, or weight that runs twice for no reason. */
function complaints({ packages }: Lock): readonly string[] {
  const addressed = Object.entries(packages)
    .filter(([, { resolved }]) => resolved !== undefined)
    .map(([place]) => `${place} names the host that it came from`);

  const versions = new Map<string, Set<string>>();
  for (const [place, { version, dev }] of Object.entries(packages)) {
    const name = place.split("node_modules/").at(-1);
    if (!name || dev || version === undefined) continue;
    versions.set(name, (versions.get(name) ?? new Set()).add(version));
  }
  const twice = [...versions]
    .filter(([name, found]) => found.size > 1 && !Object.hasOwn(reasons, name))
    .map(([name, found]) => `${name} is installed as ${[...found].join(" and ")}`);
  const needless = Object.keys(reasons)
    .filter((name) => (versions.get(name)?.size ?? 0) < 2)
    .map((name) => `${name} needs no reason any more`);
  return [...addressed, ...twice, ...needless];
}

const lockIn = (folder: string): Lock =>
  JSON.parse(
    readFileSync(path.resolve(import.meta.dirname, "../..", folder, "package-lock.json"), "utf8"),
  ) as Lock;
const lock = lockIn(".");

test("the lock file names no host, and no package runs in two versions without a reason", () => {
  assert.deepEqual(complaints(lock), []);
});

test("the lock file of the benchmarks' peers names no host", () => {
  const named = Object.values(lockIn("bench/peers").packages).filter(({ resolved }) => resolved);
  assert.deepEqual(named, []);
});

test("a host and a second version in the lock file are seen", () => {
  const planted = {
    "node_modules/a": { version: "1.0.0", resolved: "https://example.com/a.tgz" },
    "node_modules/b/node_modules/a": { version: "2.0.0" },
    "node_modules/c/node_modules/a": { version: "3.0.0", dev: true },
  };
  assert.deepEqual(complaints({ packages: { ...lock.packages, ...planted } }), [
    "node_modules/a names the host that it came from",
    "a is installed as 1.0.0 and 2.0.0",
  ]);
});
