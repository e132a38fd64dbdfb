import assert from "node:assert/strict";
import { readdirSync, readFileSync, statSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { scratch } from "#test/basalt.ts";
import { writeOnce } from "./write-once.ts";

test("a file is made once, for its owner alone, and nothing is left beside it", async () => {
  await using folder = await scratch();
  const file = path.join(folder.path, "secret");
  writeOnce(file, "one");
  writeOnce(file, "two");
  assert.equal(readFileSync(file, "utf8"), "one");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(folder.path), ["secret"]);
});

test("a reader finds the whole file or none while it is written", async () => {
  await using folder = await scratch();
  const text = "x".repeat(1_000);
  const makes = `
    const { writeOnce } = await import(process.env.MODULE);
    for (let i = 0; i < 300; i += 1) writeOnce(process.env.FOLDER + "/" + i, process.env.TEXT);`;
  const env = { MODULE: import.meta.resolve("./write-once.ts"), FOLDER: folder.path, TEXT: text };
  const url = new URL(`data:text/javascript,${encodeURIComponent(makes)}`);
  const worker = new Worker(url, { env });
  const ended = new Promise((resolve, reject) =>
    worker.once("exit", resolve).once("error", reject),
  );
  for (let i = 0; i < 300;) {
    let seen: string | undefined;
    try {
      seen = readFileSync(path.join(folder.path, String(i)), "utf8");
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
      continue;
    }
    assert.equal(seen.length, text.length, `file ${i}`);
    i += 1;
  }
  await ended;
});
