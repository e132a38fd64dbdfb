import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Recorded } from "#kernel/event.ts";
import { TimedOut, Unavailable } from "#platform/unavailable.ts";
import type { Note } from "#test/notes.ts";
import {
  rewrite,
  run,
  seen,
  subscribe,
  telling,
  write,
  type Open,
  type SubscriptionSubject,
} from "./subject.ts";
import { until, untilAll } from "#test/until.ts";

const name = "tell";

/** An outside that remembers what it was told, and behaves as `answer` says. */
function outside(answer: (event: Recorded, attempt: number) => Promise<void> | void = () => {}) {
  const told: Recorded[] = [];
  const attempts = new Map<string, number>();
  let [inside, most] = [0, 0];
  return {
    told,
    attempts,
    most: () => most,
    async deliver(event: Recorded) {
      const attempt = (attempts.get(event.id) ?? 0) + 1;
      attempts.set(event.id, attempt);
      inside += 1;
      most = Math.max(most, inside);
      try {
        await answer(event, attempt);
        told.push(event);
      } finally {
        inside -= 1;
      }
    },
  };
}

async function writeSome(subject: SubscriptionSubject, count: number): Promise<readonly Note[]> {
  const notes: Note[] = [];
  for (let i = 0; i < count; i += 1) notes.push(await write(subject, `note ${i}`));
  return notes;
}

/** Afterwards the event waits to be tried again. */
async function failOnce(subject: SubscriptionSubject): Promise<void> {
  const world = outside(() => {
    throw new Error("451 later");
  });
  const times = { retryMs: 60_000, maxRetryMs: 60_000 };
  const failing = run(subject, telling(name, world.deliver), { times });
  await until(async () => (await subject.parked(name))[0]?.state === "retrying");
  await failing[Symbol.asyncDispose]();
  await subject.replay((await subject.parked(name))[0]?.stream);
}

/** A store that counts how often the log is looked at. */
function countingLooks(subject: SubscriptionSubject) {
  const inner = subject.store(name);
  let looks = 0;
  const store: typeof inner = {
    ...inner,
    look(before) {
      looks += 1;
      return inner.look(before);
    },
  };
  return { store, looks: () => looks };
}

const isSettled = async (subject: SubscriptionSubject) => (await subject.parked(name)).length === 0;

/** The contract of outside effects: at least once, many streams at a time, each in order. */
export function outsideEffectsContract(adapter: string, open: Open): void {
  describe(`outside effects on ${adapter}`, () => {
    test("each event is handed over once, in the order of its stream", async () => {
      await using subject = await open();
      const world = outside(() => sleep(1));
      const notes = await writeSome(subject, 10);
      await using _running = run(subject, telling(name, world.deliver));
      await Promise.all(
        notes.map(async (note) => {
          let next = note;
          for (let i = 0; i < 4; i += 1) next = await rewrite(subject, next, `${note.title} ${i}`);
        }),
      );
      await until(async () => world.told.length >= 50 && (await isSettled(subject)));
      assert.equal(world.told.length, 50);
      for (const { id } of notes)
        assert.deepEqual(
          world.told.filter(({ stream }) => stream === id).map(({ version }) => version),
          [1, 2, 3, 4, 5],
        );
    });

    test("many streams are worked on at a time, and no more than are allowed", async () => {
      await using subject = await open();
      const world = outside(() => sleep(20));
      await writeSome(subject, 40);
      await using _running = run(subject, telling(name, world.deliver, 8));
      await until(() => world.told.length === 40);
      assert.equal(world.most(), 8);
    });

    test("a slow receiver delays its own stream only, and no other reader", async () => {
      await using subject = await open();
      const [slow] = await writeSome(subject, 1);
      assert.ok(slow);
      const end = Promise.withResolvers<void>();
      const world = outside(({ stream }) => (stream === slow.id ? end.promise : undefined));
      await using _running = run(subject, telling(name, world.deliver));
      await until(() => world.attempts.size === 1);
      await rewrite(subject, slow, "waits behind it");
      await writeSome(subject, 20);
      await using _other = subscribe(subject);
      await seen(subject, 22);
      await until(() => world.told.length === 20);
      end.resolve();
      await until(async () => world.told.length === 22 && (await isSettled(subject)));
      const versions = world.told.filter(({ stream }) => stream === slow.id);
      assert.deepEqual(
        versions.map(({ version }) => version),
        [1, 2],
      );
    });

    test("delivers what a stream's event holds back, though the reader begins again meanwhile", async () => {
      await using subject = await open();
      const [slow] = await writeSome(subject, 1);
      assert.ok(slow);
      const end = Promise.withResolvers<void>();
      const world = outside(({ version }) => (version === 1 ? end.promise : undefined));
      const store = subject.store(name);
      let [shares, isAway] = [0, false];
      const broken: typeof store = {
        ...store,
        share(member) {
          shares += 1;
          if (isAway) throw new Unavailable("The connection is cut", {});
          return store.share(member);
        },
      };
      await using _running = run(subject, telling(name, world.deliver), { store: broken });
      await until(() => world.attempts.size === 1);
      await rewrite(subject, slow, "waits behind it");
      await until(async () => (await subject.slots(name)).some(({ position }) => position >= 2));
      isAway = true;
      const before = shares;
      await until(() => shares > before + 1);
      isAway = false;
      const again = shares;
      await until(() => shares > again + 1);
      end.resolve();
      await until(async () => world.told.length >= 2 && (await isSettled(subject)));
      assert.deepEqual(
        world.told.map(({ version }) => version),
        [1, 2],
      );
    });

    test("a refused message is tried again, while the others are not repeated", async () => {
      await using subject = await open();
      const [refused] = await writeSome(subject, 10);
      const world = outside(({ stream }, attempt) => {
        if (stream === refused?.id && attempt < 3) throw new Error("452 mailbox full");
      });
      await using _running = run(subject, telling(name, world.deliver));
      await until(async () => world.told.length === 10 && (await isSettled(subject)));
      const attempts = [...world.attempts.values()];
      assert.deepEqual([attempts.filter((n) => n === 1).length, Math.max(...attempts)], [9, 3]);
    });

    test("a message that is always refused becomes a dead letter", async () => {
      await using subject = await open();
      const [refused] = await writeSome(subject, 3);
      const world = outside(({ stream }) => {
        if (stream === refused?.id) throw new Error("550 no such user");
      });
      await using _running = run(subject, telling(name, world.deliver));
      await until(async () => (await subject.parked(name))[0]?.state === "dead");
      const [letter] = await subject.parked(name);
      assert.deepEqual([letter?.stream, letter?.attempts], [refused?.id, 3]);
      await until(() => world.told.length === 2);
    });

    test("while the outside is away, only a few messages are tried", async () => {
      await using subject = await open();
      let isAway = true;
      const world = outside(() => {
        if (isAway) throw new Unavailable("connection refused", {});
      });
      await writeSome(subject, 60);
      await using _running = run(subject, telling(name, world.deliver, 4));
      await until(() => world.attempts.size >= 5);
      await sleep(100);
      assert.ok(world.attempts.size < 30, `${world.attempts.size} messages were tried`);
      isAway = false;
      await until(async () => world.told.length === 60 && (await isSettled(subject)));
    });

    test("while retries hang nothing is asked again and again", async () => {
      await using subject = await open();
      const { store, looks } = countingLooks(subject);
      const end = Promise.withResolvers<void>();
      let hanging = 0;
      const world = outside(async (_, attempt) => {
        if (attempt === 1) throw new Error("451 later");
        hanging += 1;
        await end.promise;
      });
      await writeSome(subject, 8);
      const times = { pollMs: 60_000, leaseMs: 60_000 };
      await using _running = run(subject, telling(name, world.deliver, 4), {
        times,
        store,
      });
      await until(() => hanging === 1 && world.attempts.size === 8);
      await sleep(100);
      const before = looks();
      await sleep(200);
      assert.ok(looks() - before < 20, `it looked ${looks() - before} times`);
      end.resolve();
    });

    test("fewer attempts than were made leave an event one more, and its own error", async () => {
      await using subject = await open();
      await writeSome(subject, 1);
      const refusing = outside(() => {
        throw new Error("451 later");
      });
      const failing = run(subject, telling(name, refusing.deliver), {
        times: { maxAttempts: 100 },
      });
      await until(async () => ((await subject.parked(name))[0]?.attempts ?? 0) >= 5);
      await failing[Symbol.asyncDispose]();
      const world = outside();
      await using _running = run(subject, telling(name, world.deliver), {
        times: { maxAttempts: 3 },
      });
      await until(async () => world.told.length === 1 && (await isSettled(subject)));
    });

    test("a message whose outcome cannot be kept at first is not handed over again", async () => {
      await using subject = await open();
      const store = subject.store(name);
      let refusals = 0;
      const locked: typeof store = {
        ...store,
        async commit(progress, works, mark) {
          if (progress.unpark.length > 0 && refusals < 3) {
            refusals += 1;
            throw new TimedOut("a row is locked", {});
          }
          await store.commit(progress, works, mark);
        },
      };
      const world = outside();
      await writeSome(subject, 5);
      await using _running = run(subject, telling(name, world.deliver), { store: locked });
      await until(
        async () => refusals === 3 && world.told.length >= 5 && (await isSettled(subject)),
      );
      assert.deepEqual([...world.attempts.values()], [1, 1, 1, 1, 1]);
    });

    test("after an outage nothing is asked again and again, though it has left nothing to try", async () => {
      await using subject = await open();
      const { store, looks } = countingLooks(subject);
      const world = outside(() => {
        throw new Unavailable("connection refused", {});
      });
      await writeSome(subject, 12);
      const times = { maxOutageMs: 0, pollMs: 60_000, leaseMs: 60_000 };
      await using _running = run(subject, telling(name, world.deliver), { times, store });
      const parked = async () => subject.parked(name);
      await untilAll(parked, ({ state }) => state === "dead", 12);
      await sleep(100);
      const before = looks();
      await sleep(200);
      assert.ok(looks() - before < 20, `it looked ${looks() - before} times`);
    });

    test("a process that dies leaves what it was handing over to the next one", async () => {
      await using subject = await open();
      const store = subject.store(name);
      const gone = Promise.withResolvers<never>();
      gone.promise.catch(() => {});
      let isDead = false;
      // From its death on, nothing that the process does reaches the database.
      const mortal: typeof store = {
        ...store,
        commit: (...args) => (isDead ? gone.promise : store.commit(...args)),
        beat: (...args) => (isDead ? gone.promise : store.beat(...args)),
        share: (...args) => (isDead ? gone.promise : store.share(...args)),
        leave: async () => {},
      };
      const never = new Promise<void>(() => {});
      const stuck = outside(() => never);
      const notes = await writeSome(subject, 3);
      const dying = run(subject, telling(name, stuck.deliver), { store: mortal, process: "dying" });
      await until(() => stuck.attempts.size === 3);
      isDead = true;
      const world = outside();
      await using _next = run(subject, telling(name, world.deliver), { process: "next" });
      await until(async () => world.told.length === 3 && (await isSettled(subject)));
      assert.deepEqual(
        world.told.map(({ stream }) => stream).toSorted(),
        notes.map(({ id }) => id).toSorted(),
      );
      gone.reject(new Unavailable("it is dead", {}));
      await dying[Symbol.asyncDispose]();
    });

    for (const when of ["", " after it has failed once"])
      test(`an event that ends every process that tries it${when} becomes a dead letter`, async () => {
        await using subject = await open();
        await writeSome(subject, 1);
        if (when !== "") await failOnce(subject);
        for (let attempt = 1; attempt <= 3; attempt += 1) {
          const world = outside(() => new Promise<void>(() => {}));
          const dying = run(subject, telling(name, world.deliver), {
            process: `dying ${attempt}`,
            times: { drainMs: 0 },
          });
          await until(() => world.attempts.size === 1);
          await dying[Symbol.asyncDispose]();
        }
        const world = outside();
        await using _last = run(subject, telling(name, world.deliver));
        await until(async () => (await subject.parked(name))[0]?.state === "dead");
        assert.equal(world.told.length, 0);
      });

    test("does not repeat deliveries made while the database was away", async () => {
      await using subject = await open();
      const store = subject.store(name);
      let isAway = false;
      const flaky: typeof store = {
        ...store,
        async commit(...args) {
          if (isAway) throw new Unavailable("away", {});
          await store.commit(...args);
        },
      };
      const world = outside(async () => {
        isAway = true;
        await sleep(50);
      });
      await writeSome(subject, 1);
      await using _running = run(subject, telling(name, world.deliver), { store: flaky });
      await until(() => world.told.length === 1);
      await sleep(100);
      isAway = false;
      await until(() => isSettled(subject));
      assert.equal(world.told.length, 1);
    });

    test("a stop waits for what is being handed over", async () => {
      await using subject = await open();
      const world = outside(() => sleep(100));
      await writeSome(subject, 5);
      const running = run(subject, telling(name, world.deliver), { times: { drainMs: 10_000 } });
      await until(() => world.attempts.size === 5);
      await running[Symbol.asyncDispose]();
      assert.equal(world.told.length, 5);
      assert.ok(await isSettled(subject));
    });
  });
}
