import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { entryOf, type AuditFilter } from "#kernel/audit.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { systemClock as clock } from "#platform/system.ts";
import { testContext } from "#test/context.ts";
import { written } from "#test/notes.ts";
import type { UnitOfWorkSubject } from "../unit-of-work.contract.ts";

/** Operations are entered into the audit with their commit, on every adapter. */
export function auditedWorkContract(name: string, open: () => Promise<UnitOfWorkSubject>): void {
  describe(`the audit of units of work on ${name}`, () => {
    test("an operation is entered into the audit with its commit, a refusal is not", async () => {
      await using subject = await open();
      const { unitOfWork, audit } = subject;
      const origin = { address: "192.0.2.7", agent: "test" };
      const operated = testContext({ operation: "scratch.write", credential: "key_1", origin });
      const note = expect(
        await unitOfWork(operated, async ({ notes }) => ok(notes.save(written("first")))),
      );
      await unitOfWork(operated, async ({ notes }) => {
        notes.save(written("never"));
        return err({ type: "changed-my-mind" });
      });
      await unitOfWork(testContext(), async ({ notes }) => ok(notes.save(written("no operation"))));

      const [entry, ...others] = await audit.page({}, { limit: 10 });
      assert.ok(entry);
      const { at, position, ...rest } = entry;
      assert.deepEqual(others, []);
      assert.ok(position > 0 && at <= clock.now());
      assert.deepEqual(rest, {
        actor: "tester",
        credential: "key_1",
        operation: "scratch.write",
        origin,
        outcome: "ok",
        targets: [note.id],
        correlationId: "test",
      });
    });

    test("an entry without a commit keeps by which credential somebody acted, and from where", async () => {
      await using subject = await open();
      const { audit } = subject;
      const origin = { address: "192.0.2.7", agent: "test" };
      const operated = testContext({ operation: "scratch.write", credential: "key_1", origin });
      await audit.enter(entryOf(operated, { outcome: "forbidden", targets: ["x"] }));
      const [entry] = await audit.page({}, { limit: 1 });
      assert.deepEqual([entry?.credential, entry?.origin], ["key_1", origin]);
    });

    test("audit entries are found by what they say, the newest first, page by page", async () => {
      await using subject = await open();
      const { audit } = subject;
      const enter = async (operation: string, outcome: string, target: string, n: number) => {
        const named = testContext({ operation, correlationId: String(n) });
        await audit.enter(entryOf(named, { outcome, targets: [target] }));
        await sleep(2); // a time of its own
      };
      await enter("a", "ok", "x", 1);
      await enter("b", "forbidden", "x", 2);
      await enter("a", "forbidden", "y", 3);
      const found = async (filter: AuditFilter, page = {}) =>
        (await audit.page(filter, { limit: 10, ...page })).map(({ correlationId }) =>
          Number(correlationId),
        );
      assert.deepEqual(await found({}), [3, 2, 1]);
      assert.deepEqual(await found({ operation: "a" }), [3, 1]);
      assert.deepEqual(await found({ outcome: "forbidden", target: "x" }), [2]);
      assert.deepEqual(await found({ actor: "nobody" }), []);
      const [until, from] = (await audit.page({}, { limit: 2 })).map(({ at }) => at);
      assert.deepEqual(await found({ from, until }), [2]);
      const [newest] = await audit.page({}, { limit: 1 });
      assert.deepEqual(await found({}, { before: newest?.position, limit: 1 }), [2]);
    });

    test("erasing a person leaves their audit entries, without origin and addresses", async () => {
      const origin = { address: "192.0.2.1", agent: "curl" };
      await using subject = await open();
      const { audit } = subject;
      const enter = (actor: string, targets: readonly string[]) =>
        audit.enter(
          entryOf(testContext({ actor, operation: "a", origin }), {
            outcome: "forbidden",
            targets,
          }),
        );
      await enter("ada", ["note_1"]);
      await enter("anonymous", ["note_2", "ada@example.com"]);
      await enter("anonymous", ["bob@example.com"]);
      await audit.erase({ actor: "ada", emails: ["ada@example.com"] });
      const entries = await audit.page({}, { limit: 10 });
      assert.deepEqual(
        entries.map((entry) => [entry.targets, entry.origin?.address]),
        [
          [["bob@example.com"], origin.address],
          [["note_2"], undefined],
          [["note_1"], undefined],
        ],
      );
      assert.deepEqual(await audit.page({ target: "ada@example.com" }, { limit: 10 }), []);
    });

    test("an operation on very many aggregates enters the first of them into the audit", async () => {
      await using subject = await open();
      const changes = Array.from({ length: 1_200 }, (_, i) => written(`note ${i}`));
      await subject.unitOfWork(testContext({ operation: "scratch.write" }), async ({ notes }) => {
        for (const change of changes) notes.save(change);
        return ok(undefined);
      });
      const [entry] = await subject.audit.page({}, { limit: 1 });
      assert.deepEqual(
        entry?.targets,
        changes.slice(0, 1_000).map(({ state }) => state.id),
      );
      assert.equal((await subject.events()).length, changes.length);
    });
  });
}
