import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Recorded } from "#kernel/event.ts";
import type { Context } from "#kernel/context.ts";
import { err, expect, ok } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { systemIds } from "#platform/system.ts";
import type { Audit } from "#kernel/audit.ts";
import { IdempotencyKeyReused } from "./idempotency.ts";
import { testContext } from "#test/context.ts";
import { NoteId, retitled, titled, written, type NotesScope } from "#test/notes.ts";

export type UnitOfWorkSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<NotesScope>;
  readonly read: Read<NotesScope>;
  /** All events of the log, in order. */
  readonly events: () => Promise<readonly Recorded[]>;
  /** How often it was told that events were added. */
  readonly announcements: () => number;
  readonly audit: Audit;
};

const racers = 32;

/** The contract of the ports `UnitOfWork` and `Read`, which every adapter keeps. */
export function unitOfWorkContract(name: string, open: () => Promise<UnitOfWorkSubject>): void {
  describe(`unit of work on ${name}`, () => {
    const write = ({ unitOfWork }: UnitOfWorkSubject, title: string, id?: NoteId) =>
      unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title, id))));
    const find = ({ read }: UnitOfWorkSubject, id: NoteId) =>
      read(testContext(), ({ notes }) => notes.byId(id));

    test("saves rows and events when the work answers ok", async () => {
      await using subject = await open();
      const note = expect(await write(subject, "first"));

      assert.deepEqual(await find(subject, note.id), note);
      const [event, ...others] = await subject.events();
      assert.deepEqual(others, []);
      assert.equal(event?.stream, note.id);
      assert.equal(event?.version, 1);
      assert.equal(note.version, 1);
      assert.deepEqual(event?.payload, { noteId: note.id, title: "first" });
      assert.deepEqual(event?.metadata, { actor: "tester", correlationId: "test" });
      assert.equal(subject.announcements(), 1);
    });

    test("a refusal leaves no trace", async () => {
      await using subject = await open();
      const outcome = await subject.unitOfWork(testContext(), async ({ notes }) => {
        notes.save(written("never"));
        return err({ type: "changed-my-mind" });
      });

      assert.deepEqual(outcome, err({ type: "changed-my-mind" }));
      assert.deepEqual(await subject.events(), []);
      assert.equal(subject.announcements(), 0);
    });

    test("a throw leaves no trace and comes out", async () => {
      await using subject = await open();
      const broken = subject.unitOfWork(testContext(), async ({ notes }) => {
        notes.save(written("never"));
        throw new Error("broken");
      });
      await assert.rejects(broken, /broken/);
      assert.deepEqual(await subject.events(), []);
    });

    test("several aggregates are saved together", async () => {
      await using subject = await open();
      const titles = Array.from({ length: 20 }, (_, i) => `note ${i}`);
      await subject.unitOfWork(testContext(), async ({ notes }) => {
        for (const title of titles) notes.save(written(title));
        return ok(undefined);
      });
      const events = await subject.events();
      assert.deepEqual(
        events.map(({ payload }) => (payload as { title: string }).title).toSorted(),
        titles.toSorted(),
      );
    });

    test("one aggregate saved twice keeps both changes in order", async () => {
      await using subject = await open();
      const outcome = await subject.unitOfWork(testContext(), async ({ notes }) =>
        ok(notes.save(retitled(notes.save(written("draft")), "final"))),
      );
      const note = expect(outcome);
      assert.equal(note.version, 2);
      assert.deepEqual(await find(subject, note.id), note);
      assert.deepEqual(
        (await subject.events()).map(({ version }) => version),
        [1, 2],
      );
    });

    test("however many events one aggregate has, the log keeps their order", async () => {
      for (const length of [8, 9, 30, 2_100]) {
        await using subject = await open();
        const { state, events } = written("busy");
        const many = Array.from({ length }, () => events).flat();
        await subject.unitOfWork(testContext(), async ({ notes }) =>
          ok(notes.save({ state, events: many })),
        );
        const kept = await subject.events();
        assert.deepEqual(
          kept.map(({ version }) => version),
          many.map((_, i) => i + 1),
        );
        assert.deepEqual(kept.at(-1)?.payload, kept[0]?.payload);
        assert.deepEqual(kept.at(-1)?.metadata, { actor: "tester", correlationId: "test" });
      }
    });

    test("one of several writers of the same version wins and the others conflict", async () => {
      await using subject = await open();
      const note = expect(await write(subject, "seen by all"));
      const outcomes = await Promise.all(
        Array.from({ length: racers }, (_, i) =>
          subject.unitOfWork(testContext(), async ({ notes }) =>
            ok(notes.save(retitled(note, `title ${i}`))),
          ),
        ),
      );
      const won = outcomes.filter(({ ok: isOk }) => isOk);
      const lost = outcomes.filter(({ ok: isOk }) => !isOk);
      assert.equal(won.length, 1);
      assert.ok(lost.every((outcome) => !outcome.ok && outcome.error.type === "conflict"));
      assert.equal((await subject.events()).length, 2);
      assert.equal((await find(subject, note.id))?.version, 2);
    });

    test("taking a unique value is a conflict that changes nothing", async () => {
      await using subject = await open();
      await write(subject, "only one");
      const outcome = await subject.unitOfWork(testContext(), async ({ notes }) => {
        notes.save(written("bystander"));
        return ok(notes.save(written("only one")));
      });
      assert.deepEqual(outcome, err({ type: "conflict" }));
      assert.equal((await subject.events()).length, 1);
    });

    test("a unique value can move to another row within one unit of work", async () => {
      await using subject = await open();
      const here = expect(await write(subject, "here"));
      const there = expect(await write(subject, "there"));
      const outcome = await subject.unitOfWork(testContext(), async ({ notes }) => {
        notes.save(retitled(here, "elsewhere"));
        notes.save(retitled(there, "here"));
        return ok(undefined);
      });
      assert.equal(outcome.ok, true);
      assert.equal((await find(subject, there.id))?.title, titled("here"));
    });

    test("the same idempotency key has one effect and one answer", async () => {
      await using subject = await open();
      const attempt = (idempotency = { key: "k1", fingerprint: "f1" }) =>
        subject.unitOfWork(testContext({ idempotency }), async ({ notes }) =>
          ok(notes.save(written("once", systemIds(NoteId)))),
        );
      const first = expect(await attempt());
      const second = expect(await attempt());
      assert.deepEqual(second, first);
      assert.equal((await subject.events()).length, 1);
    });

    test("one request has one unit of work under its idempotency key", async () => {
      await using subject = await open();
      const context = testContext({ idempotency: { key: "k", fingerprint: "f" } });
      const step = (title: string) =>
        subject.unitOfWork({ ...context }, async ({ notes }) => ok(notes.save(written(title))));
      expect(await step("first"));
      await assert.rejects(step("second"), /one unit of work/);
      assert.equal((await subject.events()).length, 1);
    });

    test("racing requests with one idempotency key have one effect", async () => {
      await using subject = await open();
      const idempotency = { key: "k2", fingerprint: "f2" };
      const outcomes = await Promise.all(
        Array.from({ length: racers }, (_, i) =>
          subject.unitOfWork(testContext({ idempotency }), async ({ notes }) =>
            ok(notes.save(written(`racer ${i}`))),
          ),
        ),
      );
      const ids = new Set(outcomes.map((outcome) => expect(outcome).id));
      assert.equal(ids.size, 1);
      assert.equal((await subject.events()).length, 1);
    });

    test("a request that its own twin made impossible gets the twin's answer", async () => {
      await using subject = await open();
      const context = testContext({ idempotency: { key: "k", fingerprint: "f" } });
      const begun = Promise.withResolvers<void>();
      const twin = Promise.withResolvers<void>();
      const late = subject.unitOfWork(context, async () => {
        begun.resolve();
        await twin.promise;
        return err({ type: "taken-already" });
      });
      await begun.promise;
      const first = await subject.unitOfWork(context, async ({ notes }) =>
        ok(notes.save(written("first")).title),
      );
      twin.resolve();
      assert.deepEqual(await late, first);
      assert.deepEqual(first, ok("first"));
    });

    test("an idempotency key with another request is refused", async () => {
      await using subject = await open();
      const once = (fingerprint: string) =>
        subject.unitOfWork(
          testContext({ idempotency: { key: "k3", fingerprint } }),
          async ({ notes }) => ok(notes.save(written(fingerprint))),
        );
      await once("this");
      await assert.rejects(once("that"), IdempotencyKeyReused);
      assert.equal((await subject.events()).length, 1);
    });

    test("an idempotency key belongs to its actor: another one's is another request", async () => {
      await using subject = await open();
      const writeAs = (actor: string) => {
        const idempotency = { key: "k5", fingerprint: "same" };
        return subject.unitOfWork(testContext({ actor, idempotency }), async ({ notes }) =>
          ok(notes.save(written(`of ${actor}`)).title),
        );
      };
      const answers = [await writeAs("ada"), await writeAs("bob"), await writeAs("ada")];
      assert.deepEqual(answers, [ok("of ada"), ok("of bob"), ok("of ada")]);
      assert.equal((await subject.events()).length, 2);
    });

    test("a request is known by the fingerprint of an older master key", async () => {
      await using subject = await open();
      const attempt = (idempotency: Context["idempotency"]) =>
        subject.unitOfWork(
          testContext({ ...(idempotency && { idempotency }) }),
          async ({ notes }) => ok(notes.save(written("once")).title),
        );
      const first = await attempt({ key: "k6", fingerprint: "under a" });
      const rotated = { key: "k6", fingerprint: "under b", formerly: ["under a"] };
      assert.deepEqual(await attempt(rotated), first);
      const another = { key: "k6", fingerprint: "b of another", formerly: ["a of another"] };
      await assert.rejects(attempt(another), IdempotencyKeyReused);
      assert.equal((await subject.events()).length, 1);
    });

    test("readers hear of each commit once, whether it locked first or not", async () => {
      await using subject = await open();
      await write(subject, "first");
      assert.equal(subject.announcements(), 1);
      const locked = (title: string, lock: string) =>
        subject.unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written(title))), {
          lock: [lock],
        });
      await locked("second", "door");
      assert.equal(subject.announcements(), 2);
      await locked("second", "door"); // taken: a conflict
      await subject.unitOfWork(testContext(), async () => err({ type: "no" }), { lock: ["door"] });
      assert.equal(subject.announcements(), 2);
    });

    test("a refused request may be tried again with the same idempotency key", async () => {
      await using subject = await open();
      const context = testContext({ idempotency: { key: "k4", fingerprint: "f4" } });
      const refused = await subject.unitOfWork(context, async () => err({ type: "not-yet" }));
      assert.equal(refused.ok, false);
      const accepted = await subject.unitOfWork(context, async ({ notes }) =>
        ok(notes.save(written("now"))),
      );
      assert.equal(accepted.ok, true);
    });

    test("work that locks first runs one after the other and sees what came before", async () => {
      await using subject = await open();
      const note = expect(await write(subject, "0"));
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, () =>
          subject.unitOfWork(
            testContext(),
            async ({ notes }) => {
              const current = await notes.byId(note.id);
              assert.ok(current);
              return ok(notes.save(retitled(current, String(Number(current.title) + 1))));
            },
            { lock: [note.id, "another"] },
          ),
        ),
      );
      assert.ok(outcomes.every(({ ok: isOk }) => isOk));
      assert.equal((await find(subject, note.id))?.title, titled("8"));
    });

    test("work that locked first and refuses or throws lets the next one in", async () => {
      await using subject = await open();
      const lock = { lock: ["door"] };
      await subject.unitOfWork(testContext(), async () => err({ type: "no" }), lock);
      const throwing = subject.unitOfWork(
        testContext(),
        async () => {
          throw new Error("broken");
        },
        lock,
      );
      await assert.rejects(throwing, /broken/);
      const note = await subject.unitOfWork(
        testContext(),
        async ({ notes }) => ok(notes.save(written("in"))),
        lock,
      );
      assert.equal(note.ok, true);
    });
  });
}
