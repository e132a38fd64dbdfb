import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { pathToFileURL } from "node:url";
import { scratch } from "#test/basalt.ts";
import { WorkerLate, WorkerLost, workerProcesses } from "./worker-processes.ts";

/** Answers with what it was asked and its process id; ends, or hangs, where it is asked to. */
const worker = `process.on("message", (asked) => {
  if (asked === "end") process.exit(3);
  if (asked !== "hang") process.send([asked, process.pid]);
});`;

describe("worker processes", () => {
  let folder: Awaited<ReturnType<typeof scratch>>;
  let ask: (input: string, withinMs?: number) => Promise<readonly [string, number]>;
  before(async () => {
    folder = await scratch();
    const entry = path.join(folder.path, "worker.mjs");
    await writeFile(entry, worker);
    ask = workerProcesses<readonly [string, number]>(pathToFileURL(entry));
  });
  after(() => folder[Symbol.asyncDispose]());

  test("answer one thing at a time each, and are used again", async () => {
    const [first, second] = await Promise.all([ask("one"), ask("two")]);
    assert.deepEqual([first[0], second[0]], ["one", "two"]);
    assert.notEqual(first[1], second[1]);
    const [, pid] = await ask("three");
    assert.ok([first[1], second[1]].includes(pid));
  });

  test("one that ends is told, and another one takes its place", async () => {
    await assert.rejects(ask("end"), WorkerLost);
    assert.equal((await ask("after it"))[0], "after it");
  });

  test("one that hangs is ended", async () => {
    const [, pid] = await ask("before");
    await Promise.all([
      assert.rejects(ask("hang", 50), WorkerLate),
      assert.rejects(ask("hang", 50), WorkerLate),
    ]);
    const [, next] = await ask("after it");
    assert.notEqual(next, pid);
    assert.throws(() => process.kill(pid, 0), /ESRCH/);
  });
});
