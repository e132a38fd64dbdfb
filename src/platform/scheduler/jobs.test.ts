import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { systemRuntime } from "../system.ts";
import { until } from "#test/until.ts";
import { Jobs } from "./jobs.ts";
import type { Leases } from "./leases.ts";
import { memoryLeases } from "./memory-leases.ts";

const log = pino({ level: "silent" });
const { timers } = systemRuntime;

const jobsOf = (process: string, leases: Leases, more: { readonly log?: typeof log } = {}) =>
  new Jobs({ ...systemRuntime, leases, process, log, ...more });

const often = { name: "test.job", everyMs: 1, withinMs: 1_000 };

test("a job runs in one process; when that stops, another takes it over", async () => {
  const leases = memoryLeases(timers);
  const ran: string[] = [];
  const starting = (process: string) => {
    const jobs = jobsOf(process, leases);
    jobs.add({ ...often, work: async () => void ran.push(process) });
    return jobs.start();
  };

  const one = starting("one");
  await until(() => ran.length > 5);
  await using _two = starting("two");
  const before = ran.length;
  await until(() => ran.length > before + 5);
  assert.deepEqual(new Set(ran), new Set(["one"]));

  await one[Symbol.asyncDispose]();
  ran.length = 0;
  await until(() => ran.length > 5);
  assert.deepEqual(new Set(ran), new Set(["two"]));
});

test("a process whose leases cannot be renewed lets its jobs rest", async () => {
  let elapsedMs = 0;
  let isAway = false;
  const memory = memoryLeases(timers);
  const leases: Leases = {
    ...memory,
    async take(...asked) {
      if (isAway) throw new Error("the database is away");
      return memory.take(...asked);
    },
  };
  let runs = 0;
  const still = { ...timers, elapsedMs: () => elapsedMs };
  await using jobs = new Jobs({ ...systemRuntime, timers: still, leases, process: "one", log });
  jobs.add({ ...often, work: async () => void (runs += 1) });
  jobs.start();
  await until(() => runs > 0);

  isAway = true;
  elapsedMs = 60_000;
  await new Promise((resolve) => setTimeout(resolve, 20));
  const before = runs;
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.equal(runs, before);
});

test("a job gets a context of its own, and hears that the process is about to stop", async () => {
  const jobs = jobsOf("one", memoryLeases(timers));
  const ids = new Set<string>();
  const isRunning = Promise.withResolvers<void>();
  let wasTold = false;
  jobs.add({
    ...often,
    async work({ actor, correlationId, deadlineMs }, stopping) {
      assert.equal(actor, "system");
      assert.ok(deadlineMs > Date.now());
      ids.add(correlationId);
      if (ids.size < 2) return;
      isRunning.resolve();
      await new Promise((resolve) => stopping.addEventListener("abort", resolve));
      wasTold = true;
    },
  });
  jobs.start();
  await isRunning.promise;

  await jobs[Symbol.asyncDispose]();

  assert.ok(wasTold);
});

test("a job may be done once more at the end, by every process", async () => {
  const leases = memoryLeases(timers);
  const runs = { one: 0, two: 0 };
  const starting = (process: keyof typeof runs) => {
    const jobs = jobsOf(process, leases);
    const work = async () => void (runs[process] += 1);
    jobs.add({ ...often, everyMs: 60_000, atTheEndToo: true, work });
    return jobs.start();
  };
  const one = starting("one");
  await until(() => runs.one === 1);
  const two = starting("two");

  await two[Symbol.asyncDispose]();
  await one[Symbol.asyncDispose]();

  assert.deepEqual(runs, { one: 2, two: 1 });
});

test("a run that takes too long is told to stop and given up, and the job goes on", async () => {
  const jobs = jobsOf("one", memoryLeases(timers));
  let [runs, stopped] = [0, 0];
  jobs.add({
    ...often,
    withinMs: 20,
    work: (_context, stopping) => {
      runs += 1;
      stopping.addEventListener("abort", () => (stopped += 1));
      return new Promise(() => {});
    },
  });
  jobs.start();
  await until(() => runs > 2 && stopped > 1);
  await jobs[Symbol.asyncDispose]();
});

test("a stop gives the leases back although a job hangs", async () => {
  let elapsedMs = 0;
  const hasty = { ...timers, after: (_ms: number, act: () => void) => timers.after(5, act) };
  const leases = memoryLeases({ ...timers, elapsedMs: () => elapsedMs });
  const jobs = new Jobs({ ...systemRuntime, timers: hasty, leases, process: "one", log });
  const isRunning = Promise.withResolvers<void>();
  jobs.add({
    ...often,
    everyMs: 60_000,
    work() {
      isRunning.resolve();
      return new Promise(() => {});
    },
  });
  jobs.start();
  await isRunning.promise;

  await jobs[Symbol.asyncDispose]();

  assert.deepEqual(await leases.take([often.name], "two", 1_000), new Set([often.name]));
});

test("no job starts after the end, though leases are taken late", async () => {
  const memory = memoryLeases(timers);
  const taken = Promise.withResolvers<void>();
  const leases: Leases = {
    ...memory,
    async take(...asked) {
      await taken.promise;
      return memory.take(...asked);
    },
  };
  let runs = 0;
  const jobs = jobsOf("one", leases);
  jobs.add({ ...often, work: async () => void (runs += 1) });
  jobs.start();

  const ended = jobs[Symbol.asyncDispose]();
  taken.resolve();
  await ended;

  assert.equal(runs, 0);
});

test("leases that cannot be renewed are told as a trouble", async () => {
  let elapsedMs = 0;
  const still = { ...timers, elapsedMs: () => elapsedMs };
  const memory = memoryLeases(timers);
  const leases: Leases = { ...memory, take: () => Promise.reject(new Error("permission denied")) };
  await using jobs = new Jobs({ ...systemRuntime, timers: still, leases, process: "one", log });
  jobs.add({ ...often, work: async () => {} });
  jobs.start();
  assert.deepEqual(jobs.troubles(), []);

  elapsedMs = 12_000;

  assert.deepEqual(
    jobs.troubles().map(({ subject, says }) => `${subject}: ${says}`),
    ["jobs: the leases of background jobs could not be renewed for 12 s"],
  );
});

test("a job that fails is logged with its name and tried again", async () => {
  const lines: string[] = [];
  const told = pino({ level: "warn" }, { write: (line: string) => lines.push(line) });
  await using jobs = jobsOf("one", memoryLeases(timers), { log: told });
  jobs.add({
    ...often,
    async work() {
      throw new Error("not today");
    },
  });
  jobs.start();
  await until(() => lines.length > 2);
  assert.match(lines[0] ?? "", /test\.job.*not today.*a scheduled task failed/);
});
