import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { scratch } from "#test/basalt.ts";
import { until } from "#test/until.ts";
import { holderOf, takeLock, type Holder } from "./embedded-lock.ts";

const rounds = 60;

/** Takes the lock of each folder at the instants that it is told; answers which ones it got. */
const taker = `
  const { takeLock } = await import(process.argv[2]);
  process.on("message", async ({ folder, atMs }) => {
    while (Date.now() < atMs);
    process.send("drop" in (await takeLock(folder, {}, () => {})));
  });
  process.send("ready");`;

test("of two processes that find a stale lock, one takes it", async () => {
  await using folder = await scratch();
  const script = path.join(folder.path, "taker.mjs");
  writeFileSync(script, taker);
  const lock = path.join(import.meta.dirname, "embedded-lock.ts");
  const processes = await Promise.all(
    [1, 2].map(async () => {
      const child = fork(script, [lock], { execArgv: [] });
      await once(child, "message");
      return child;
    }),
  );
  try {
    for (let round = 0; round < rounds; round += 1) {
      const data = path.join(folder.path, String(round));
      mkdirSync(data);
      const dead = { pid: 2 ** 22 + 1, startedAt: "", connection: {} };
      writeFileSync(path.join(data, "basalt.lock"), JSON.stringify(dead));
      assert.equal(holderOf(data), undefined);
      const answers = processes.map((child) => once(child, "message"));
      for (const child of processes) child.send({ folder: data, atMs: Date.now() + 15 });
      const taken = (await Promise.all(answers)).flat().filter((got) => got === true);
      assert.equal(taken.length, 1, `round ${round}`);
    }
  } finally {
    for (const child of processes) child.kill();
  }
});

test("a lock from another container counts as long as its process renews it", async () => {
  await using folder = await scratch();
  const file = path.join(folder.path, "basalt.lock");
  const elsewhere: Holder = { pid: process.pid, startedAt: "", place: "elsewhere", connection: {} };
  writeFileSync(file, JSON.stringify(elsewhere));
  assert.deepEqual(holderOf(folder.path), elsewhere);
  const renewing = setInterval(() => utimesSync(file, new Date(), new Date()), 50);
  let waits = 0;
  assert.deepEqual(await takeLock(folder.path, {}, () => (waits += 1)), elsewhere);
  assert.equal(waits, 1);
  clearInterval(renewing);

  const long = new Date(Date.now() - 60_000);
  utimesSync(file, long, long);
  assert.equal(holderOf(folder.path), undefined);
  const lock = await takeLock(folder.path, {}, () => assert.fail("it waits"));
  assert.ok("drop" in lock);
  assert.equal((JSON.parse(readFileSync(file, "utf8")) as Holder).pid, process.pid);
  const taken = statSync(file).mtimeMs;
  await until(() => statSync(file).mtimeMs > taken);
  lock.drop();
  assert.equal(holderOf(folder.path), undefined);
});
