import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Unavailable } from "#platform/unavailable.ts";
import { testContext } from "#test/context.ts";
import { retitled } from "#test/notes.ts";
import { LeaseLost, LostRace } from "../subscription-store.ts";
import { TimedOut } from "#platform/unavailable.ts";
import { memberOf, rewrite, seen, subscribe, versionsOf, write, type Open } from "./subject.ts";
import { until } from "#test/until.ts";

const writers = 32;

/** In which order events are delivered, and how often their effects are kept. */
export function deliveryContract(name: string, open: Open): void {
  describe(`delivery on ${name}`, () => {
    test("delivers the events from before and after the start", async () => {
      await using subject = await open();
      const before = await write(subject, "before");
      await using _running = subscribe(subject);
      await seen(subject, 1);
      const after = await write(subject, "after");
      await seen(subject, 2);
      const streams = (await subject.sightings()).map(({ stream }) => stream);
      assert.deepEqual(streams, [before.id, after.id]);
    });

    test("goes on where it stopped", async () => {
      await using subject = await open();
      await write(subject, "first");
      {
        await using _running = subscribe(subject);
        await seen(subject, 1);
      }
      await write(subject, "second");
      await using _running = subscribe(subject);
      await seen(subject, 2);
      await sleep(50);
      assert.equal((await subject.sightings()).length, 2);
    });

    test("skips and repeats nothing beside racing writers, in order per stream", async () => {
      await using subject = await open();
      await using _running = subscribe(subject);
      await Promise.all(
        Array.from({ length: writers }, async (_, i) => {
          const note = await write(subject, `writer ${i}`);
          await rewrite(subject, note, `writer ${i} again`);
        }),
      );
      await seen(subject, writers * 2);
      const sightings = await subject.sightings();
      assert.equal(new Set(sightings.map(({ event_id }) => event_id)).size, writers * 2);
      for (const stream of new Set(sightings.map((sighting) => sighting.stream)))
        assert.deepEqual(versionsOf(sightings, stream), [1, 2]);
    });

    test("keeps the order of a stream to which consumers and commands append", async () => {
      await using subject = await open();
      const contested = await write(subject, "contested");
      const trigger = await write(subject, "trigger");
      const [begun, commanded] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
      await using _appending = subscribe(
        subject,
        async ({ stream }, { notes }) => {
          if (stream !== trigger.id) return;
          begun.resolve();
          await commanded.promise;
          const found = await notes.byId(contested.id);
          assert.ok(found);
          notes.save(retitled(found, "by the consumer"));
        },
        { name: "append" },
      );
      await begun.promise;
      await rewrite(subject, contested, "by the command");
      commanded.resolve();
      await seen(subject, 4);

      // A reader that fails at the last version must not pass over the one before it.
      let failures = 2;
      await using _reading = subscribe(
        subject,
        ({ stream, version }) => {
          if (stream === contested.id && version === 3 && failures-- > 0)
            throw new Error("not yet");
        },
        { name: "read" },
      );
      await seen(subject, 8);
      const read = (await subject.sightings()).filter(({ event_id: id }) => id.startsWith("read"));
      assert.deepEqual(versionsOf(read, contested.id), [1, 2, 3]);
    });

    test("a handler reads what the events before it in a batch have done", async () => {
      await using subject = await open();
      const note = await write(subject, "0");
      const triggers = 5;
      for (let i = 0; i < triggers; i += 1) await write(subject, `trigger ${i}`);
      await using _counting = subscribe(subject, async ({ stream, payload }, { notes }) => {
        if (stream === note.id) return;
        const found = await notes.byId(note.id);
        assert.ok(found);
        assert.match(payload.title, /trigger/);
        notes.save(retitled(found, String(Number(found.title) + 1)));
      });
      await seen(subject, 1 + triggers + triggers);
      const sightings = await subject.sightings();
      assert.deepEqual(versionsOf(sightings, note.id), [1, 2, 3, 4, 5, 6]);
    });

    test("a batch that lost a race is handled again at once, and counts as no failure", async () => {
      await using subject = await open();
      await write(subject, "contested");
      await write(subject, "other");
      const store = subject.store("sight");
      let races = 2;
      const losing: typeof store = {
        ...store,
        async commit(progress, works) {
          if (works.length > 0 && races-- > 0) throw new LostRace("as it were");
          await store.commit(progress, works);
        },
      };
      let handled = 0;
      await using _running = subscribe(subject, () => void (handled += 1), { store: losing });
      await seen(subject, 2);
      assert.ok(handled > 2, `${handled} calls of the handler`);
      assert.deepEqual(await subject.parked("sight"), []);
    });

    test("a commit whose answer was lost is not repeated, nor is that of a parked stream", async () => {
      await using subject = await open();
      const note = await write(subject, "first");
      const store = subject.store("sight");
      let lost = 0;
      const deaf: typeof store = {
        ...store,
        async commit(...given) {
          await store.commit(...given);
          lost += 1;
          if (lost % 2 === 1) throw new Unavailable("the answer was lost", {});
        },
      };
      let failures = 2;
      const handle = ({
        stream,
        version,
      }: {
        readonly stream: string;
        readonly version: number;
      }) => {
        if (stream !== note.id || version !== 1 || failures === 0) return;
        failures -= 1;
        throw new Error("not yet");
      };
      await using _running = subscribe(subject, handle, { store: deaf });
      await rewrite(subject, note, "second");
      for (let i = 0; i < 5; i += 1) await write(subject, `other ${i}`);
      await seen(subject, 7);
      // An effect that came twice would break the sightings, and leave its stream parked.
      await until(async () => (await subject.parked("sight")).length === 0);
      assert.equal((await subject.sightings()).length, 7);
      assert.ok(lost > 3);
    });

    test("a batch that ends in the midst of a transaction loses none of its events", async () => {
      await using subject = await open();
      const note = await write(subject, "first");
      const again = retitled(note, "again");
      const { unitOfWork } = subject;
      await unitOfWork(testContext(), async ({ notes }) => {
        notes.save({ ...again, events: [...again.events, ...again.events, ...again.events] });
        return { ok: true, value: undefined };
      });
      await using _running = subscribe(subject, undefined, { batchSize: 1 });
      await seen(subject, 4);
      assert.deepEqual(versionsOf(await subject.sightings(), note.id), [1, 2, 3, 4]);
    });

    test("reads fewer events at a time where reading so many takes too long", async () => {
      await using subject = await open();
      for (let i = 0; i < 20; i += 1) await write(subject, `large ${i}`);
      const store = subject.store("sight");
      const slow: typeof store = {
        ...store,
        async read(range) {
          if (range.limit > 3) throw new TimedOut("so many take too long", {});
          return store.read(range);
        },
      };
      await using _running = subscribe(subject, undefined, { store: slow });
      await seen(subject, 20);
    });

    test("slots without events of their own move on with the log", async () => {
      await using subject = await open();
      let note = await write(subject, "only");
      for (let i = 0; i < 20; i += 1) note = await rewrite(subject, note, `again ${i}`);
      {
        await using _running = subscribe(subject);
        await seen(subject, 21);
      }
      const { mark } = await subject.store("sight").look(undefined);
      const slots = await subject.slots("sight");
      assert.equal(slots.length, 64);
      assert.deepEqual(new Set(slots.map(({ position }) => position)), new Set([mark?.position]));
    });

    test("does not overwrite a checkpoint that another process has moved", async () => {
      await using subject = await open();
      const note = await write(subject, "contested");
      const store = subject.store("sight");
      const { held } = await store.share(memberOf("one"));
      const [taken] = await store.read({
        slots: held.map(({ slot }) => slot),
        after: 0,
        until: 1_000,
        limit: 1,
      });
      assert.equal(taken?.event.stream, note.id);
      const { slot, event, position } = taken;
      const moves = held
        .filter((one) => one.slot === slot)
        .map((one) => ({ held: one, to: position }));
      const commit = async (id: string) => {
        const work = await store.open(event, async () => {});
        work.scope.notes.sight({ event_id: id, stream: event.stream, version: event.version });
        await store.commit({ moves, park: [], unpark: [] }, [work]);
      };
      await commit("first");
      await assert.rejects(commit("second"), LeaseLost);
      assert.deepEqual(
        (await subject.sightings()).map(({ event_id: id }) => id),
        ["first"],
      );
    });
  });
}
