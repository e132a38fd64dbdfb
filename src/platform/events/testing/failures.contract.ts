import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { TimedOut, Unavailable } from "#platform/unavailable.ts";
import { noteEvents, type Note, type NoteEvent, type NotesScope } from "#test/notes.ts";
import { consumer } from "../consumer.ts";
import { LostRace } from "../subscription-store.ts";
import type { Observer } from "../subscription.ts";
import {
  quick,
  rewrite,
  run,
  seen,
  subscribe,
  versionsOf,
  write,
  type Handle,
  type Open,
} from "./subject.ts";
import { until } from "#test/until.ts";

/** Errors that a handler can throw, none of which may stop others or be retried for ever. */
const poisons: readonly (readonly [string, unknown])[] = [
  ["an error", new Error("poison")],
  ["a text with a NUL", new Error("remote said: \0")],
  ["a lone surrogate", new Error("\ud800")],
  ["nothing", undefined],
  ["something without a text", Object.create(null)],
  ["an error that is its own cause", ownCause()],
  ["a revoked proxy", revoked()],
  ["an error whose cause throws", Object.defineProperty(new Error("deep"), "cause", { get: fail })],
  ["a very long text", new Error("x".repeat(1_000_000))],
  ["a statement that took too long", new TimedOut("too long", {})],
];

function fail(): never {
  throw new Error("never");
}

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function ownCause(): Error {
  const error = new Error("round and round");
  error.cause = error;
  return error;
}

/** A consumer without sightings of its own: their unique values would refuse an effect that is repeated. */
const unseen = (handle: Handle) =>
  consumer<NoteEvent, NotesScope>({
    name: "sight",
    events: noteEvents,
    on: { "scratch.note-written": async (...given) => void (await handle(...given)) },
  });

/** The contract of failing events, and of those beside and behind them. */
export function failuresContract(name: string, open: Open): void {
  describe(`failures on ${name}`, () => {
    test("a failed event is tried again; its stream waits, the others go on", async () => {
      await using subject = await open();
      const failing = await write(subject, "fails twice");
      await rewrite(subject, failing, "waits behind it");
      const other = await write(subject, "goes on");
      let failures = 0;
      const handle: Handle = async ({ stream, version }) => {
        if (stream !== failing.id || version !== 1) return;
        const wentOn = versionsOf(await subject.sightings(), other.id).length > 0;
        if (wentOn && failures >= 2) return;
        failures += 1;
        throw new Error("not yet");
      };
      await using _running = subscribe(subject, handle, { times: { maxAttempts: 10_000 } });
      await seen(subject, 3);
      const streams = (await subject.sightings()).map(({ stream, version }) => [stream, version]);
      assert.deepEqual(streams, [
        [other.id, 1],
        [failing.id, 1],
        [failing.id, 2],
      ]);
      await until(async () => (await subject.parked("sight")).length === 0);
    });

    test("tells its observer how many events were handled, and how many failed", async () => {
      await using subject = await open();
      const heard = { ok: 0, failed: 0 };
      const observer: Observer = {
        handled({ consumer, outcome, events, durationMs }) {
          assert.deepEqual([consumer, events > 0, durationMs >= 0], ["sight", true, true]);
          heard[outcome] += events;
        },
      };
      for (let i = 0; i < 5; i += 1) await write(subject, i === 2 ? "poison" : `note ${i}`);
      const handle: Handle = ({ payload }) => {
        if (payload.title === "poison") throw new Error("poison");
      };
      const times = { retryMs: 86_400_000, maxRetryMs: 86_400_000 };
      await using _running = subscribe(subject, handle, { observer, times });
      await until(() => heard.ok + heard.failed >= 5);
      assert.deepEqual(heard, { ok: 4, failed: 1 });
    });

    test("runs each handler once when one event of a batch fails", async () => {
      await using subject = await open();
      const notes: Note[] = [];
      for (let i = 0; i < 10; i += 1) notes.push(await write(subject, `note ${i}`));
      const calls = new Map<string, number>();
      const handle: Handle = ({ stream }) => {
        calls.set(stream, (calls.get(stream) ?? 0) + 1);
        if (stream === notes[4]?.id) throw new Error("poison");
      };
      await using _running = subscribe(subject, handle, {
        times: { retryMs: 60_000, maxRetryMs: 60_000 },
      });
      await seen(subject, 9);
      assert.deepEqual(
        [...calls.values()],
        Array.from({ length: 10 }, () => 1),
      );
    });

    for (const [what, thrown] of poisons)
      test(`a handler that throws ${what} parks its event, and others go on`, async () => {
        await using subject = await open();
        const poisoned = await write(subject, "poison");
        let attempts = 0;
        await using _running = subscribe(subject, ({ stream }) => {
          if (stream !== poisoned.id) return;
          attempts += 1;
          throw thrown;
        });
        await write(subject, "healthy");
        await seen(subject, 1);
        await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
        const [letter] = await subject.parked("sight");
        assert.deepEqual([attempts, letter?.attempts, letter?.version], [3, 3, 1]);
        assert.ok((letter?.error?.length ?? 0) <= 1_000);
      });

    test("an event that always fails becomes a dead letter; a replay delivers it once", async () => {
      await using subject = await open();
      const poisoned = await write(subject, "poison");
      await rewrite(subject, poisoned, "waits");
      let attempts = 0;
      let cured = false;
      await using _running = subscribe(subject, ({ stream }) => {
        if (stream !== poisoned.id || cured) return;
        attempts += 1;
        throw new Error("poison");
      });
      await write(subject, "healthy");
      await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
      const afterwards = attempts;
      await rewrite(subject, { ...poisoned, version: 2 as never }, "waits as well");
      await sleep(100);
      assert.equal(attempts, afterwards, "a dead letter is left alone");

      cured = true;
      await subject.replay();
      await seen(subject, 4);
      await until(async () => (await subject.parked("sight")).length === 0);
      const sightings = await subject.sightings();
      assert.deepEqual(versionsOf(sightings, poisoned.id), [1, 2, 3]);
      assert.equal(sightings.length, 4);
    });

    test("effects that cannot be kept park the event that made them, and no other", async () => {
      await using subject = await open();
      const clashing = await write(subject, "clashes");
      const others = [await write(subject, "before"), await write(subject, "after")];
      await using _running = subscribe(subject, ({ stream }, { notes }) => {
        if (stream !== clashing.id) return;
        notes.sight({ event_id: "twice", stream, version: 1 });
        notes.sight({ event_id: "twice", stream, version: 1 });
      });
      await seen(subject, 2);
      const streams = (await subject.sightings()).map(({ stream }) => stream);
      assert.deepEqual(
        streams,
        others.map(({ id }) => id),
      );
      await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
      assert.equal((await subject.parked("sight")).length, 1);
    });

    test("a handler that takes too long has failed, and what it writes later is refused", async () => {
      await using subject = await open();
      const slow = await write(subject, "slow");
      const late: unknown[] = [];
      let isFirst = true;
      const handle: Handle = async ({ stream }, { notes }) => {
        if (stream !== slow.id || !isFirst) return;
        isFirst = false;
        await sleep(200);
        try {
          notes.sight({ event_id: "late", stream: "s", version: 1 });
        } catch (error) {
          late.push(error);
        }
        throw new Error("this is heard by nobody");
      };
      await using _running = subscribe(subject, handle, { times: { handlerTimeoutMs: 50 } });
      await write(subject, "healthy");
      await seen(subject, 2);
      await until(() => late.length === 1);
      const ids = (await subject.sightings()).map(({ event_id: id }) => id);
      assert.ok(!ids.includes("late"));
    });

    test("while something is away, new events wait; a few are tried, and then all go on", async () => {
      await using subject = await open();
      const count = 60;
      for (let i = 0; i < count; i += 1) await write(subject, `note ${i}`);
      let isAway = true;
      const tried = new Set<string>();
      await using _running = subscribe(subject, ({ id }) => {
        tried.add(id);
        if (isAway) throw new Unavailable("away", {});
      });
      await until(async () => (await subject.parked("sight")).length > 0);
      await sleep(200);
      assert.ok(tried.size < 30, `${tried.size} events were tried`);
      isAway = false;
      await seen(subject, count);
      await until(async () => (await subject.parked("sight")).length === 0);
      assert.equal((await subject.sightings()).length, count);
    });

    test("an outage that concerns one stream delays that stream only, for a bounded time", async () => {
      await using subject = await open();
      const away = await write(subject, "its upstream is away");
      let tries = 0;
      await using _running = subscribe(
        subject,
        ({ stream }) => {
          if (stream !== away.id) return;
          tries += 1;
          throw new Unavailable("away", {});
        },
        { times: { maxOutageMs: 300 } },
      );
      for (let i = 0; i < 20; i += 1) await write(subject, `healthy ${i}`);
      await seen(subject, 20);
      await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
      const [letter] = await subject.parked("sight");
      assert.ok(tries > (quick.maxAttempts ?? 0), `${tries} tries`);
      assert.equal(letter?.attempts, 0, "an outage counts no attempts");
    });

    test("an event that is refused after an outage has all its attempts", async () => {
      await using subject = await open();
      await write(subject, "refused after an outage");
      let tries = 0;
      const handle: Handle = () => {
        tries += 1;
        throw tries <= 6 ? new Unavailable("away", {}) : new Error("refused");
      };
      await using _running = subscribe(subject, handle);
      await until(async () => (await subject.parked("sight"))[0]?.state === "dead");
      assert.equal(tries, 6 + (quick.maxAttempts ?? 0));
    });

    test("an outage that concerns half of the streams does not stop the other half", async () => {
      await using subject = await open();
      const count = 60;
      for (let i = 0; i < count; i += 1) await write(subject, `note ${i}`);
      const isAway = ({ payload }: Parameters<Handle>[0]) => /[02468]$/.test(payload.title);
      await using _running = subscribe(subject, (event) => {
        if (isAway(event)) throw new Unavailable("away", {});
      });
      await seen(subject, count / 2);
      assert.equal((await subject.parked("sight")).length, count / 2);
    });

    test("healthy events do not wait for many that fail", async () => {
      await using subject = await open();
      const failing = new Set<string>();
      for (let i = 0; i < 100; i += 1) failing.add((await write(subject, `fails ${i}`)).id);
      let attempts = 0;
      await using _running = subscribe(
        subject,
        async ({ stream }) => {
          if (!failing.has(stream)) return;
          attempts += 1;
          await sleep(20);
          throw new Error("fails");
        },
        { times: { retryMs: 10, maxRetryMs: 50, maxAttempts: 1_000_000, handlerTimeoutMs: 5_000 } },
      );
      await until(async () => (await subject.parked("sight")).length === failing.size);
      const before = attempts;
      for (let i = 0; i < 10; i += 1) {
        await write(subject, `healthy ${i}`);
        await seen(subject, i + 1);
      }
      // Behind all of the failing ones, each would have waited for a hundred attempts.
      assert.ok(attempts - before < 500, `${attempts - before} attempts beside ten healthy events`);
    });

    test("with too many parked streams, no new events are taken, and none is lost", async () => {
      await using subject = await open();
      let isCured = false;
      const handle: Handle = () => {
        if (!isCured) throw new Error("a bug for all");
      };
      const times = { maxParkedStreams: 5, maxAttempts: 1_000_000 };
      await using _running = subscribe(subject, handle, { times, batchSize: 1 });
      for (let i = 0; i < 20; i += 1) await write(subject, `note ${i}`);
      await until(async () => (await subject.parked("sight")).length === 5);
      await sleep(100);
      assert.equal((await subject.parked("sight")).length, 5);
      isCured = true;
      await seen(subject, 20);
    });

    test("loses no event beside a handler that still reads when it has failed", async () => {
      await using subject = await open();
      const written: Note[] = [];
      for (let i = 0; i < 40; i += 1) written.push(await write(subject, `note ${i}`));
      let hasFailed = false;
      const handle: Handle = async ({ stream }, { notes }) => {
        await sleep(1);
        const [, second] = written;
        if (hasFailed || !second || stream !== second.id) return;
        hasFailed = true;
        const failing = sleep(1).then(() => Promise.reject(new Error("once")));
        await Promise.all([failing, sleep(8).then(() => notes.byId(second.id))]);
      };
      await using _running = subscribe(subject, handle);
      await seen(subject, written.length);
    });

    test("keeps no effect twice through a handler that still reads after its time", async () => {
      await using subject = await open();
      const slow = await write(subject, "slow");
      const other = await write(subject, "other");
      const store = subject.store("sight");
      let [commits, effects, isFirst] = [0, 0, true];
      const racing: typeof store = {
        ...store,
        async commit(...given) {
          commits += 1;
          if (commits === 1) throw new LostRace("sight");
          await store.commit(...given);
        },
      };
      const late = Promise.withResolvers<void>();
      const handle: Handle = async ({ stream, version }, { notes }) => {
        effects += 1;
        notes.sight({ event_id: `effect ${effects}`, stream, version });
        if (stream !== slow.id || !isFirst) return;
        isFirst = false;
        await sleep(300);
        await notes.byId(slow.id).finally(late.resolve);
      };
      const times = { handlerTimeoutMs: 100, leaseMs: 60_000 };
      await using _running = run(subject, unseen(handle), { store: racing, times });
      await seen(subject, 2);
      await late.promise;
      await sleep(50);
      const streams = (await subject.sightings()).map(({ stream }) => stream);
      assert.deepEqual(streams.toSorted(), [slow.id, other.id].toSorted());
    });

    test("keeps no effect twice where the commit of a retry arrives late", async () => {
      await using subject = await open();
      const { id } = await write(subject, "tried three times");
      const store = subject.store("sight");
      const [arrive, arrived] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      let [effects, tries, isLost] = [0, 0, false];
      const late: typeof store = {
        ...store,
        async commit(progress, works, mark) {
          if (works.length === 0 || isLost) return store.commit(progress, works, mark);
          isLost = true;
          void arrive.promise
            .then(() => store.commit(progress, works, mark))
            .finally(arrived.resolve);
          throw new Unavailable("The answer was lost", {});
        },
      };
      const end = Promise.withResolvers<void>();
      const handle: Handle = async ({ stream, version }, { notes }) => {
        tries += 1;
        if (tries === 1) throw new Error("once");
        effects += 1;
        notes.sight({ event_id: `effect ${effects}`, stream, version });
        if (tries === 3) await end.promise;
      };
      await using _running = run(subject, unseen(handle), { store: late, times: { leaseMs: 600 } });
      await until(() => tries === 3);
      arrive.resolve();
      await arrived.promise;
      await sleep(500); // it has looked at its slots again
      end.resolve();
      await until(async () => (await subject.parked("sight")).length === 0);
      await sleep(50);
      assert.deepEqual(versionsOf(await subject.sightings(), id), [1]);
    });
  });
}
