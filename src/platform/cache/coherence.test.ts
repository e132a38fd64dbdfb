import { systemTimers as timers } from "#platform/system.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import fc from "fast-check";
import { VirtualRuntime } from "#test/virtual-runtime.ts";
import { Coherence } from "./coherence.ts";

/** A table of one column per key, and the log of its changes. */
function given(
  options: { readonly alone?: boolean; readonly max?: number; readonly loadTurns?: number } = {},
) {
  const table = new Map<string, number>();
  const log: string[] = [];
  const asked = { changes: 0, loads: 0 };
  let pruned = 0;
  const coherence = new Coherence({
    alone: options.alone ?? false,
    timers,
    async changes({ epoch: since }) {
      asked.changes += 1;
      const answer = {
        latest: { epoch: log.length },
        subjects: log.slice(Math.max(since, pruned)),
      };
      await turn();
      return answer;
    },
  });
  const cache = coherence.cache<{ key: string; value: number }>({
    max: options.max ?? 100,
    async load(key) {
      asked.loads += 1;
      const value = table.get(key) ?? 0;
      for (let i = 0; i < (options.loadTurns ?? 1); i += 1) await turn();
      return { key, value };
    },
    subjects: ({ key }) => [key],
  });
  const write = (key: string, value: number) => {
    table.set(key, value);
    log.push(key);
  };
  const prune = () => (pruned = log.length);
  const read = async (key: string) => (await cache.get(key)).value;
  return { coherence, cache, write, prune, read, asked, table };
}

test("a lookup sees everything written before it, in any interleaving", async () => {
  const step = fc.tuple(fc.constantFrom("write", "read", "pause"), fc.constantFrom("a", "b"));
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(8), async (steps, loadTurns) => {
      const { coherence, write, read, table } = given({ max: 2, loadTurns });
      const reads: Promise<void>[] = [];
      for (const [i, [what, key]] of steps.entries()) {
        if (what === "write") write(key, i + 1);
        if (what === "pause") await turn();
        if (what !== "read") continue;
        const least = table.get(key) ?? 0;
        reads.push(read(key).then((value) => assert.ok(value >= least, `${value} < ${least}`)));
      }
      await Promise.all(reads);
      coherence[Symbol.dispose]();
    }),
  );
});

test("does not cache a value that changes while it is loaded", async () => {
  const { coherence, read, write } = given({ loadTurns: 20 });
  using _ = coherence;
  const late = read("a");
  for (let i = 0; i < 10; i += 1) await turn(); // it is being loaded
  write("a", 1);
  await read("b"); // hears of the change before the load has ended
  await late;
  assert.equal(await read("a"), 1);
});

test("lookups that wait together share one question, and a kept value is not loaded again", async () => {
  const { coherence, read, asked } = given();
  using _ = coherence;
  await read("a");
  await Promise.all(Array.from({ length: 64 }, () => read("a")));
  assert.deepEqual(asked, { changes: 2, loads: 1 });
});

test("alone, a lookup is answered at once; after a commit it asks again", async () => {
  const { coherence, cache, write, read, asked } = given({ alone: true });
  using _ = coherence;
  await read("a");
  assert.equal((cache.get("a") as { value: number }).value, 0);
  write("a", 7);
  coherence.expire();
  assert.equal(await read("a"), 7);
  assert.deepEqual(asked, { changes: 2, loads: 2 });
});

test("alone, a lookup beside the question after a commit waits for its answer", async () => {
  const { coherence, cache, write, read } = given({ alone: true });
  using _ = coherence;
  await read("a");
  write("a", 7);
  coherence.expire();
  const first = cache.get("a");
  await turn(); // the question is under way
  await turn();
  const beside = await cache.get("a");
  assert.equal(beside.value, 7);
  assert.equal((await first).value, 7);
});

test("forgets everything when changes were deleted before they were read", async () => {
  const { coherence, write, prune, read } = given();
  using _ = coherence;
  await read("a");
  write("a", 1);
  write("b", 1);
  prune();
  assert.equal(await read("a"), 1);
});

test("a question that failed is asked again by the next lookup", async () => {
  let fails = true;
  using coherence = new Coherence({
    alone: true,
    timers,
    changes: async () => {
      if (fails) throw new Error("cut");
      return { latest: { epoch: 0 }, subjects: [] };
    },
  });
  await assert.rejects(Promise.resolve(coherence.upToDate()), /cut/);
  fails = false;
  await coherence.upToDate();
  assert.equal(coherence.upToDate(), undefined);
});

/** A coherence whose subjects are told by `tell`, on virtual time. */
function onVirtualTime() {
  const runtime = new VirtualRuntime(1);
  const log: string[] = [];
  let asked = 0;
  const coherence = new Coherence({
    alone: true,
    timers: runtime.timers,
    async changes({ epoch }) {
      asked += 1;
      return { latest: { epoch: log.length }, subjects: log.slice(Math.max(epoch, 0)) };
    },
  });
  return { runtime, coherence, asked: () => asked, tell: (subject: string) => log.push(subject) };
}

test("alone, it asks at the first lookup, and about every second until it is disposed", async () => {
  const { runtime, coherence, asked } = onVirtualTime();
  await coherence.upToDate();
  assert.equal(coherence.upToDate(), undefined);
  await runtime.pass(1_000);
  await coherence.upToDate();
  assert.equal(asked(), 2, "what the console did is found");

  coherence[Symbol.dispose]();
  await runtime.pass(5_000);

  assert.equal(coherence.upToDate(), undefined);
  assert.equal(asked(), 2);
});

test("values of several subjects are dropped by each of them, and only those", async () => {
  const { coherence, tell } = onVirtualTime();
  let loads = 0;
  const cache = coherence.cache<{ readonly subjects: readonly string[] }>({
    max: 10,
    async load(key) {
      loads += 1;
      return { subjects: key === "nothing" ? [] : ["all", key] };
    },
    subjects: ({ subjects }) => subjects,
  });
  const loadsOf = async (...keys: readonly string[]) => {
    const before = loads;
    for (const key of keys) await cache.get(key);
    return loads - before;
  };
  await coherence.upToDate();
  assert.equal(await loadsOf("a", "b", "a", "b"), 2);
  assert.equal(await loadsOf("nothing", "nothing"), 2, "what nothing makes void is not kept");

  tell("a");
  coherence.expire();
  assert.equal(await loadsOf("a", "b"), 1);

  tell("all");
  coherence.expire();
  assert.equal(await loadsOf("a", "b"), 2);

  tell("unknown");
  coherence.expire();
  assert.equal(await loadsOf("a", "b"), 0);
  await cache.renew("a");
  assert.equal(await loadsOf("a", "b"), 0);
  coherence[Symbol.dispose]();
});
