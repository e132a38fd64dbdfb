import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { pino } from "pino";
import type { Recorded } from "#kernel/event.ts";
import { expect, ok } from "#kernel/result.ts";
import type { UnitOfWork } from "#kernel/unit-of-work.ts";
import { systemClock as clock } from "../system.ts";
import { Unavailable } from "../unavailable.ts";
import {
  noteEvents,
  retitled,
  testContext,
  written,
  type Note,
  type NoteEvent,
  type NotesScope,
  type Sighting,
} from "../../../test/support/notes.ts";
import { consumer } from "./consumer.ts";
import {
  beginning,
  type Delivery,
  type Lease,
  type SubscriptionStore,
} from "./subscription-store.ts";
import { Subscription, type SubscriptionTimes } from "./subscription.ts";
import type { WakeUp } from "./wake-up.ts";

export type SubscriptionSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly wakeUp: WakeUp;
  readonly store: (name: string, partitions: number) => Promise<SubscriptionStore<NotesScope>>;
  /** The effects of consumers, in the order in which they were committed. */
  readonly sightings: () => Promise<readonly Sighting[]>;
  /** Lets all dead letters be tried again. */
  readonly replay: () => Promise<void>;
};

const quick: Partial<SubscriptionTimes> = {
  leaseMs: 300,
  pollMs: 20,
  retryMs: 5,
  maxRetryMs: 20,
  maxAttempts: 3,
};

const writers = 32;
const patienceMs = 15_000;

/** So many events, once they can be read: transactions in other databases may hold them back. */
export async function readSome(
  store: SubscriptionStore<NotesScope>,
  lease: Lease,
  count: number,
): Promise<readonly Delivery[]> {
  const deadline = Date.now() + patienceMs;
  for (;;) {
    const deliveries = await store.read(lease, count);
    if (deliveries.length === count || Date.now() > deadline) return deliveries;
    await sleep(10);
  }
}

/** What every adapter of the port `SubscriptionStore` keeps, as subscriptions use it. */
export function subscriptionContract(name: string, open: () => Promise<SubscriptionSubject>): void {
  const write = async ({ unitOfWork }: SubscriptionSubject, title: string): Promise<Note> =>
    expect(await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title)))));
  const rewrite = ({ unitOfWork }: SubscriptionSubject, note: Note, title: string) =>
    unitOfWork(testContext(), async ({ notes }) => ok(notes.save(retitled(note, title))));

  type Handle = (event: Recorded<NoteEvent>) => void | Promise<void>;
  const subscribe = async (
    subject: SubscriptionSubject,
    handle: Handle = () => {},
    {
      process = "one",
      partitions = 1,
      times = quick,
      store,
    }: {
      readonly process?: string;
      readonly partitions?: number;
      readonly times?: Partial<SubscriptionTimes>;
      readonly store?: SubscriptionStore<NotesScope>;
    } = {},
  ) =>
    new Subscription({
      consumer: consumer<NoteEvent, NotesScope>({
        name: "sight",
        events: noteEvents,
        partitions,
        on: {
          "scratch.note-written": async (event, { notes }) => {
            await handle(event);
            notes.sight({ event_id: event.id, stream: event.stream, version: event.version });
          },
        },
      }),
      store: store ?? (await subject.store("sight", partitions)),
      wakeUp: subject.wakeUp,
      process,
      clock,
      chance: Math.random,
      log: pino({ level: "silent" }),
      observer: { handled: () => {} },
      times,
    }).start();

  async function until(holds: () => Promise<boolean>): Promise<void> {
    for (const deadline = Date.now() + patienceMs; Date.now() < deadline; await sleep(10))
      if (await holds()) return;
    assert.fail("it did not come about");
  }
  const seen = (subject: SubscriptionSubject, count: number) =>
    until(async () => (await subject.sightings()).length >= count);

  describe(`subscription on ${name}`, () => {
    test("delivers what was there before it, and what comes after", async () => {
      await using subject = await open();
      const before = await write(subject, "before");
      await using _running = await subscribe(subject);
      const after = await write(subject, "after");
      await seen(subject, 2);
      assert.deepEqual(
        (await subject.sightings()).map(({ stream }) => stream),
        [before.id, after.id],
      );
    });

    test("goes on where it stopped", async () => {
      await using subject = await open();
      await write(subject, "first");
      {
        await using _running = await subscribe(subject);
        await seen(subject, 1);
      }
      await write(subject, "second");
      await using _running = await subscribe(subject);
      await seen(subject, 2);
      await sleep(50);
      assert.equal((await subject.sightings()).length, 2);
    });

    test("skips nothing and repeats nothing beside racing writers, in order per stream", async () => {
      await using subject = await open();
      await using _running = await subscribe(subject);
      await Promise.all(
        Array.from({ length: writers }, async (_, i) => {
          const note = await write(subject, `writer ${i}`);
          expect(await rewrite(subject, note, `writer ${i} again`));
        }),
      );
      await seen(subject, writers * 2);
      const sightings = await subject.sightings();
      assert.equal(new Set(sightings.map(({ event_id }) => event_id)).size, writers * 2);
      for (const stream of new Set(sightings.map((sighting) => sighting.stream)))
        assert.deepEqual(
          sightings.filter((sighting) => sighting.stream === stream).map(({ version }) => version),
          [1, 2],
        );
    });

    test("a failed event is tried again; its stream waits, the others go on", async () => {
      await using subject = await open();
      const failing = await write(subject, "fails twice");
      expect(await rewrite(subject, failing, "waits behind it"));
      const other = await write(subject, "goes on");
      let failures = 0;
      let wentOn = false;
      const handle: Handle = ({ stream, version }) => {
        wentOn ||= stream === other.id;
        if (stream !== failing.id || version !== 1) return;
        if (wentOn && failures >= 3) return; // the batch, alone, the first retry
        failures += 1;
        throw new Error("not yet");
      };
      const times = { ...quick, maxAttempts: 10_000 };
      await using _running = await subscribe(subject, handle, { times });
      await seen(subject, 3);
      const streams = (await subject.sightings()).map(({ stream, version }) => [stream, version]);
      assert.deepEqual(streams, [
        [other.id, 1],
        [failing.id, 1],
        [failing.id, 2],
      ]);
    });

    test("an event that always fails becomes a dead letter; a replay delivers it once", async () => {
      await using subject = await open();
      const poisoned = await write(subject, "poison");
      expect(await rewrite(subject, poisoned, "waits"));
      let attempts = 0;
      let cured = false;
      await using _running = await subscribe(subject, ({ stream }) => {
        if (stream !== poisoned.id || cured) return;
        attempts += 1;
        throw new Error("poison");
      });
      await write(subject, "healthy");
      await seen(subject, 1);
      await until(async () => attempts >= 1 + 3);
      await sleep(100);
      const afterwards = attempts;
      await sleep(100);
      assert.equal(attempts, afterwards, "a dead letter is left alone");

      cured = true;
      await subject.replay();
      await seen(subject, 3);
      await sleep(50);
      const sightings = await subject.sightings();
      assert.deepEqual(
        sightings.filter(({ stream }) => stream === poisoned.id).map(({ version }) => version),
        [1, 2],
      );
      assert.equal(sightings.length, 3);
    });

    test("an outage parks nothing: the whole subscription waits", async () => {
      await using subject = await open();
      await write(subject, "first");
      await write(subject, "second");
      let outage = 10;
      await using _running = await subscribe(subject, () => {
        outage -= 1;
        if (outage > 0) throw new Unavailable("away", {});
      });
      await seen(subject, 2);
      assert.deepEqual(
        (await subject.sightings()).map(({ version }) => version),
        [1, 1],
      );
    });

    test("a commit whose answer was lost is not repeated, for a waiting stream neither", async () => {
      await using subject = await open();
      const note = await write(subject, "first");
      const store = await subject.store("sight", 1);
      let lost = 0;
      const deaf: typeof store = {
        ...store,
        async commit(lease, progress, effects) {
          await store.commit(lease, progress, effects);
          lost += 1;
          if (lost % 2 === 1) throw new Unavailable("the answer was lost", {});
        },
      };
      let failures = 2;
      const handle = ({ version }: { readonly version: number }) => {
        failures -= 1;
        if (version === 1 && failures >= 0) throw new Error("not yet");
      };
      await using _running = await subscribe(subject, handle, { store: deaf });
      await rewrite(subject, note, "second");
      for (let i = 0; i < 5; i += 1) await write(subject, `other ${i}`);
      await seen(subject, 7);
      // An effect that came twice would break the sightings, and leave its stream waiting.
      const lease = { partition: 0, token: 0, commits: 0, checkpoint: beginning };
      await until(async () => (await store.parked(lease)).length === 0);
      assert.equal((await subject.sightings()).length, 7);
      assert.ok(lost > 3);
    });

    test("two processes share the partitions, and one takes over all when the other leaves", async () => {
      await using subject = await open();
      const by = { one: 0, two: 0 };
      await using one = await subscribe(subject, () => void (by.one += 1), {
        process: "one",
        partitions: 4,
      });
      const two = await subscribe(subject, () => void (by.two += 1), {
        process: "two",
        partitions: 4,
      });
      await sleep(700);
      for (let i = 0; i < 60; i += 1) await write(subject, `shared ${i}`);
      await seen(subject, 60);
      assert.ok(by.one > 0 && by.two > 0, `one handled ${by.one}, two handled ${by.two}`);

      await two[Symbol.asyncDispose]();
      for (let i = 0; i < 20; i += 1) await write(subject, `alone ${i}`);
      await seen(subject, 80);
      assert.equal(new Set((await subject.sightings()).map(({ event_id }) => event_id)).size, 80);
      void one;
    });

    test("a holder that lost its lease commits nothing", async () => {
      await using subject = await open();
      await write(subject, "contested");
      const store = await subject.store("sight", 1);
      const [stale] = await store.share("slow", [], 1);
      assert.ok(stale);
      await sleep(20);
      const [fresh] = await store.share("quick", [], 60_000);
      assert.ok(fresh && fresh.token > stale.token);

      const [delivery] = await readSome(store, stale, 1);
      assert.ok(delivery);
      const { checkpoint, event } = delivery;
      const late = store.commit(stale, { checkpoint }, async (openScope) => {
        openScope(event).notes.sight({ event_id: "late", stream: "s", version: 1 });
      });
      await assert.rejects(late, { name: "LeaseLost" });
      assert.deepEqual(await subject.sightings(), []);
    });
  });
}
