import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import type { RevisionNumber } from "../domain/content.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

const dayMs = 86_400_000;
const bytes = (text: string) => Buffer.from(text);

type House = Awaited<ReturnType<typeof openDrive>>;
const numbersOf = async (house: House, file: string) =>
  (await house.revisions(file)).items.map(({ revision }) => revision);
const usedBy = async ({ drive, as, adaId }: House) =>
  expect(await drive.getUsage({}, as(adaId))).usedBytes;
const prune = async ({ drive, as }: House) => expect(await drive.prunePast({}, as("system")));

/** Older contents are kept for thirty days, on every adapter. */
export function retentionContract(name: string, open: OpenDrive): void {
  describe(`the retention of the past on ${name}`, () => {
    test("deletes contents that were replaced long ago, and keeps what files have now", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const old = expect(await house.file(rootId, "old", bytes("untouched for years"))).id;
      const file = expect(await house.file(rootId, "file", bytes("first"))).id;
      clock.advance(dayMs);
      expect(await house.revise(file, 1, bytes("second, longer")));
      clock.advance(60 * dayMs);
      expect(await house.revise(file, 2, bytes("third")));
      clock.advance(29 * dayMs);
      await prune(house);
      assert.deepEqual(await numbersOf(house, file), [3, 2], "the second was replaced lately");
      assert.equal((await house.bytesOf(old)).toString(), "untouched for years");
      assert.equal((await house.bytesOf(file, 0, Infinity, 2)).toString(), "second, longer");
      assert.equal(outcomeOf(await house.restoreRevision(file, 1, 3)), "revision-not-found");
      assert.equal(await usedBy(house), 19 + 14 + 5);
      clock.advance(2 * dayMs);
      await prune(house);
      await prune(house);
      assert.deepEqual(await numbersOf(house, file), [3]);
      assert.equal(await usedBy(house), 19 + 5);
    });

    test("tells no past that is not whole any more, and restores what is", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "a", bytes("one"))).id;
      const lost = clock.now();
      clock.advance(dayMs);
      expect(await house.revise(file, 1, bytes("two")));
      expect(await house.move(file, { name: "b" }));
      const whole = clock.now();
      clock.advance(31 * dayMs);
      expect(await house.revise(file, 2, bytes("three")));
      expect(await house.move(file, { name: "c" }));
      assert.equal(expect(await house.past(folder, lost)).items.length, 1);
      await prune(house);
      for (const tried of [await house.past(folder, lost), await house.rewind(folder, lost)]) {
        assert.equal(outcomeOf(tried), "no-such-past");
        const from = Instant.plus(clock.now(), -30 * dayMs);
        assert.ok(!tried.ok && tried.error.type === "no-such-past" && tried.error.from === from);
      }
      const later = Instant.plus(whole, 2 * dayMs);
      const [then] = expect(await house.past(folder, later)).items;
      assert.deepEqual([then?.name, then?.content?.revision], ["b", 2]);
      expect(await house.rewind(folder, later));
      assert.deepEqual(await house.names(folder), ["b"]);
      assert.equal((await house.bytesOf(file)).toString(), "two");
    });

    test("goes step by step, those of one instant together, and never back", async () => {
      await using house = await openDrive(open);
      const { rootId, clock, subject, as } = house;
      const files: string[] = [];
      for (const one of ["a", "b", "c", "d"])
        files.push(expect(await house.file(rootId, one, bytes(one))).id);
      const began = clock.now();
      for (const [i, file] of files.entries()) {
        if (i !== 1) clock.advance(dayMs);
        expect(await house.revise(file, 1, bytes(`${i}`)));
      }
      const until = clock.now();
      const step = async () =>
        expect(
          await subject.unitOfWork(as("system"), async ({ retention }) =>
            ok(await retention.prune(until, 1)),
          ),
        );
      let at = began;
      for (let steps = 0; at < until; steps += 1) {
        const next = await step();
        assert.ok(next > at && steps < files.length + 1, `${next} after ${steps} steps`);
        at = next;
      }
      const left = await Promise.all(files.map((file) => numbersOf(house, file)));
      assert.deepEqual(left, [[2], [2], [2], [2, 1]], "the last was replaced just then");
      assert.equal(await step(), until);
    });

    test("a copy of a content that is deleted meanwhile is not kept", async () => {
      await using house = await openDrive(open);
      const { rootId, clock, subject, as } = house;
      const file = expect(await house.file(rootId, "a", bytes("one"))).id;
      const [first] = (await house.revisions(file)).items;
      assert.ok(first);
      expect(await house.revise(file, 1, bytes("two")));
      clock.advance(31 * dayMs);
      await prune(house);
      const copied = await subject.unitOfWork(as("system"), async ({ revisions }) =>
        ok(
          revisions.copy([
            {
              to: { ...first, revision: 3 as RevisionNumber },
              from: { nodeId: file, revision: first.revision },
            },
          ]),
        ),
      );
      assert.equal(outcomeOf(copied), "conflict");
      assert.deepEqual(await numbersOf(house, file), [2]);
    });
  });
}
