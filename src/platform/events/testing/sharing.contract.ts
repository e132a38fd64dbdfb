import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import type { Event, Recorded, Registry } from "#kernel/event.ts";
import { ok } from "#kernel/result.ts";
import { testContext } from "#test/context.ts";
import { archived, newerNoteEvents, noteEvents, type NotesScope } from "#test/notes.ts";
import { consumer, outsideConsumer, type AnyConsumer } from "../consumer.ts";
import { leaving, LeaseLost } from "../subscription-store.ts";
import {
  memberOf,
  quick,
  rewrite,
  run,
  seen,
  sighting,
  subscribe,
  telling,
  write,
  type Open,
  type SubscriptionSubject,
} from "./subject.ts";
import { until, untilAll } from "#test/until.ts";

const writeSome = async (subject: SubscriptionSubject, count: number) => {
  for (let i = 0; i < count; i += 1) await write(subject, `note ${i} of ${Math.random()}`);
};

/** How processes divide the slots of a subscription, and what they leave to others. */
export function sharingContract(name: string, open: Open): void {
  describe(`sharing on ${name}`, () => {
    test("processes divide all slots, whatever their number", async () => {
      await using subject = await open();
      const members = ["a", "b", "c"].map((process) => memberOf(process));
      const stores = members.map(() => subject.store("sight"));
      const share = async (i: number) => {
        const [store, member] = [stores[i], members[i]];
        assert.ok(store && member);
        const { held, fair } = await store.share(member);
        const surplus = held.slice(fair).map(({ slot }) => slot);
        if (surplus.length > 0) await store.release(member.process, surplus);
        return held.slice(0, fair).map(({ slot }) => slot);
      };
      assert.equal((await share(0)).length, 64);
      for (let round = 0; round < 3; round += 1) for (const i of [0, 1, 2]) await share(i);
      const shares = [await share(0), await share(1), await share(2)];
      assert.deepEqual(
        shares.map(({ length }) => length),
        [22, 21, 21],
      );
      assert.equal(new Set(shares.flat()).size, 64);
      await stores[1]?.leave("b");
      for (let round = 0; round < 2; round += 1) for (const i of [0, 2]) await share(i);
      assert.deepEqual([(await share(0)).length, (await share(2)).length], [32, 32]);
    });

    test("two processes share the work, and one takes over all when the other leaves", async () => {
      await using subject = await open();
      const by = { one: 0, two: 0 };
      await using _one = subscribe(subject, () => void (by.one += 1), { process: "one" });
      const two = subscribe(subject, () => void (by.two += 1), { process: "two" });
      for (let written = 0; by.one === 0 || by.two === 0; written += 10) {
        assert.ok(written < 1_000, `one handled ${by.one}, two handled ${by.two}`);
        await writeSome(subject, 10);
        await seen(subject, written + 10);
      }
      const before = (await subject.sightings()).length;
      await two[Symbol.asyncDispose]();
      await writeSome(subject, 20);
      await seen(subject, before + 20);
      const ids = (await subject.sightings()).map(({ event_id: id }) => id);
      assert.equal(new Set(ids).size, before + 20);
    });

    test("processes that come and go lose and repeat nothing", async () => {
      await using subject = await open();
      const rounds = 6;
      for (let round = 0; round < rounds; round += 1) {
        await using _come = new AsyncDisposableStack();
        for (let process = 0; process <= round % 3; process += 1)
          _come.use(subscribe(subject, undefined, { process: `${round}/${process}` }));
        await writeSome(subject, 15);
        await sleep(round * 20);
      }
      await using _last = subscribe(subject, undefined, { process: "last" });
      await seen(subject, rounds * 15);
      const ids = (await subject.sightings()).map(({ event_id: id }) => id);
      assert.equal(new Set(ids).size, rounds * 15);
    });

    test("a process that stops before it has begun is not taken for a newer one", async () => {
      await using subject = await open();
      const [running, stopping] = [subject.store("sight"), subject.store("sight")];
      assert.equal((await running.share(memberOf("running"))).fair, 64);
      await stopping.share(memberOf("stopping", { declaration: leaving }));
      assert.equal((await running.share(memberOf("running"))).fair, 64);
    });

    test("a holder that lost its slots commits nothing", async () => {
      await using subject = await open();
      await write(subject, "contested");
      const [slow, fast] = [subject.store("sight"), subject.store("sight")];
      const stale = await slow.share(memberOf("slow"));
      await sleep(20);
      const fresh = await fast.share(memberOf("fast", { leaseMs: 1 }));
      assert.deepEqual([stale.held.length, fresh.held.length], [64, 64]);
      const slots = stale.held.map(({ slot }) => slot);
      const [taken] = await slow.read({ slots, after: 0, until: 1_000, limit: 1 });
      assert.ok(taken);
      const held = stale.held[taken.slot];
      assert.ok(held);
      const work = await slow.open(taken.event, async () => {});
      work.scope.notes.sight({ event_id: "late", stream: "s", version: 1 });
      const moves = [{ held, to: taken.position }];
      await assert.rejects(slow.commit({ moves, park: [], unpark: [] }, [work]), LeaseLost);
      assert.deepEqual(await subject.sightings(), []);
    });

    test("a process keeps its slots while a handler takes longer than a lease", async () => {
      await using subject = await open();
      await write(subject, "slow");
      let [slow, idle] = [0, 0];
      const handle = async () => {
        slow += 1;
        await sleep(3 * (quick.leaseMs ?? 0));
      };
      await using _slow = subscribe(subject, handle, { process: "slow" });
      await until(() => slow > 0);
      await using _idle = subscribe(subject, () => void (idle += 1), { process: "idle" });
      await seen(subject, 1);
      assert.deepEqual([slow, idle], [1, 0]);
    });

    test("an older process leaves the subscription to a newer one, and takes it back", async () => {
      await using subject = await open();
      // The older version reacts to nothing; the newer one does.
      const former = consumer<Event, NotesScope>({ name: "sight", events: noteEvents, on: {} });
      const slots = async () => subject.slots("sight");
      const heldBy = async (process: string) =>
        untilAll(slots, ({ holder }) => holder === process, 64);
      await using _former = run(subject, former, { process: "former" });
      await heldBy("former");
      {
        await using _newer = run(subject, sighting("sight"), { process: "newer" });
        await heldBy("newer");
        await writeSome(subject, 20);
        await seen(subject, 20);
      }
      await heldBy("former");
      await using _again = run(subject, sighting("sight"), { process: "newer again" });
      await heldBy("newer again");
      await writeSome(subject, 20);
      await seen(subject, 40);
    });

    test("an older process passes over nothing once a newer one has come", async () => {
      await using subject = await open();
      const times = { leaseMs: 60_000 };
      const former = consumer<Event, NotesScope>({ name: "sight", events: noteEvents, on: {} });
      await using _former = run(subject, former, { process: "former", times });
      await until(async () => (await subject.slots("sight")).length === 64);
      await using _newer = run(subject, sighting("sight"), { process: "newer", times });
      const slots = async () => subject.slots("sight");
      await untilAll(slots, ({ holder }) => holder === "newer", 64);
      await writeSome(subject, 20);
      await seen(subject, 20);
    });

    test("an older process ends what it hands over, and leaves then", async () => {
      await using subject = await open();
      const end = Promise.withResolvers<void>();
      const told: string[] = [];
      const deliver = async ({ id }: { readonly id: string }) => {
        told.push(id);
        await end.promise;
      };
      await writeSome(subject, 5);
      const times = { drainMs: 5_000, leaseMs: 2_000 };
      const former = { ...telling("tell", deliver), declaration: "former" };
      await using _former = run(subject, former, { process: "former", times });
      await until(() => told.length === 5);
      await using _newer = run(subject, telling("tell", deliver), { process: "newer", times });
      await until(async () =>
        (await subject.slots("tell")).some(({ holder }) => holder === "newer"),
      );
      await sleep(50);
      end.resolve();
      await untilAll(
        async () => subject.slots("tell"),
        ({ holder }) => holder === "newer",
      );
      assert.equal(told.length, 5);
      assert.deepEqual(await subject.parked("tell"), []);
    });

    test("a process waits at an event that its code does not know, and loses none", async () => {
      await using subject = await open();
      await write(subject, "known");
      const older = {
        ...sighting("sight"),
        declaration: "older",
        knows: ({ schemaVersion }: { readonly schemaVersion: number }) => schemaVersion < 1,
      };
      {
        await using _older = run(subject, older, { process: "older" });
        await sleep(100);
      }
      assert.deepEqual(await subject.sightings(), []);
      assert.deepEqual(await subject.parked("sight"), []);
      await using _newer = run(subject, sighting("sight"), { process: "newer" });
      await seen(subject, 1);
    });

    for (const kind of ["rows", "outside"] as const)
      test(`an event that its code does not know waits behind another of its stream (${kind})`, async () => {
        await using subject = await open();
        const note = await write(subject, "parked");
        const log: string[] = [];
        const end = Promise.withResolvers<void>();
        let [attempts, underWay] = [0, 0];
        const consumerOf = (process: string, events: Registry<Event>): AnyConsumer<NotesScope> => {
          const handle = async ({ version }: Recorded) => {
            attempts += 1;
            if (kind === "rows" && attempts === 1) throw new Error("park it");
            underWay += 1;
            await end.promise;
            log.push(`${process} ${version}`);
          };
          const on = Object.fromEntries(events.declarations.map(({ type }) => [type, handle]));
          if (kind === "rows") return consumer<Event, NotesScope>({ name: "both", events, on });
          return outsideConsumer<Event, void>({ name: "both", events, on, async deliver() {} });
        };
        const older = run(subject, consumerOf("older", noteEvents));
        await until(() => underWay > 0);
        await subject.unitOfWork(testContext(), async ({ notes }) =>
          ok(notes.save(archived(note))),
        );
        await until(async () =>
          (await subject.slots("both")).some(({ position }) => position >= 2),
        );
        end.resolve();
        await until(() => log.length === 1);
        await sleep(50);
        await older[Symbol.asyncDispose]();
        await using _newer = run(subject, consumerOf("newer", newerNoteEvents), {
          process: "newer",
        });
        await until(() => log.length === 2);
        assert.deepEqual(log, ["older 1", "newer 2"]);
      });

    test("leaves a long hand-over to an older process, and to one that stops", async () => {
      await using subject = await open();
      await writeSome(subject, 1);
      const log: string[] = [];
      const tellingAs = (process: string, ms: number) =>
        telling("tell", async () => {
          log.push(`${process} begins`);
          await sleep(ms);
          log.push(`${process} ends`);
        });
      const times = { leaseMs: 600, drainMs: 10_000 };
      const older = { ...tellingAs("older", 2_500), declaration: "older" };
      const former = run(subject, older, { process: "older", times });
      await until(() => log.length === 1);
      await using _newer = run(subject, tellingAs("newer", 1), { process: "newer", times });
      await sleep(1_000);
      await former[Symbol.asyncDispose]();
      await sleep(100);
      assert.deepEqual(log, ["older begins", "older ends"]);
      assert.deepEqual(await subject.parked("tell"), []);
    });

    test("gives idle slots back at once where it stops in the midst of a hand-over", async () => {
      await using subject = await open();
      await writeSome(subject, 1);
      const end = Promise.withResolvers<void>();
      let begun = 0;
      const waiting = telling("tell", async () => {
        begun += 1;
        await end.promise;
      });
      const times = { leaseMs: 60_000, drainMs: 30_000 };
      const stopping = run(subject, waiting, { process: "stopping", times });
      await until(() => begun === 1);
      const stopped = stopping[Symbol.asyncDispose]();
      await until(
        async () => (await subject.slots("tell")).filter(({ holder }) => holder).length === 1,
      );
      end.resolve();
      await stopped;
      assert.ok((await subject.slots("tell")).every(({ holder }) => holder === null));
    });

    test("gives up a slot whose streams have many events to catch up with", async () => {
      await using subject = await open();
      const notes = await Promise.all(Array.from({ length: 8 }, (_, i) => write(subject, `n${i}`)));
      for (const note of notes) {
        let last = note;
        for (let i = 0; i < 30; i += 1) last = await rewrite(subject, last, `${note.title} ${i}`);
      }
      const slow = telling("tell", () => sleep(100));
      const times = { leaseMs: 600 };
      await using _one = run(subject, slow, { process: "one", times });
      await sleep(300);
      await using _two = run(subject, slow, { process: "two", times });
      const heldBy = async (process: string) =>
        (await subject.slots("tell")).filter(({ holder }) => holder === process).length;
      const before = performance.now();
      await until(async () => (await heldBy("two")) === 32);
      // Catching up takes three seconds or more; sharing the slots takes a fifth of a second.
      assert.ok((await subject.parked("tell")).length > 0, `${performance.now() - before} ms`);
    });
  });
}
