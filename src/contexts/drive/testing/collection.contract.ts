import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { graceMs } from "../application/collection/collect-chunks.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

/** Garbage is collected, and nothing else, on every adapter. */
export function collectionContract(name: string, open: OpenDrive): void {
  async function given() {
    const house = await openDrive(open);
    const { drive, as, clock, subject } = house;
    const collect = async () => expect(await drive.collectChunks({}, as("system")));
    const kept = async () =>
      (await subject.store.segments()).reduce((sum, { bytes }) => sum + bytes, 0);
    const pass = () => clock.advance(graceMs + 3_600_000);
    return { ...house, collect, kept, pass };
  }
  const size = 300_000;

  describe(`the collection of chunks on ${name}`, () => {
    test("keeps the chunks of all revisions when it collects those of refused uploads", async () => {
      await using house = await given();
      const bytes = [randomBytes(size), randomBytes(size), randomBytes(size)] as const;
      const file = expect(await house.file(house.rootId, "file", bytes[0]));
      expect(await house.revise(file.id, 1, bytes[1]));
      assert.equal(outcomeOf(await house.revise(file.id, 1, bytes[2])), "stale-revision");
      // The chunks of a refused upload are in no index: they are garbage of their segment alone.
      assert.equal((await house.collect()).chunks, 0);
      assert.equal(await house.kept(), 3 * size);

      house.pass();
      for (let i = 0; i < 2; i += 1) await house.collect();
      assert.ok((await house.bytesOf(file.id)).equals(bytes[1]));
      assert.ok((await house.bytesOf(file.id, 0, Infinity, 1)).equals(bytes[0]));
    });

    test("keeps the chunks of a copy when the file that it was made of is purged", async () => {
      await using house = await given();
      const bytes = randomBytes(size);
      const file = expect(await house.file(house.rootId, "file", bytes)).id;
      house.pass();
      const copy = expect(await house.copy(file, { name: "copy" })).id;
      const now = house.clock.now();
      const chunks = await house.subject.read(house.as("system"), (scope) =>
        scope.chunks.page(undefined, 100),
      );
      assert.ok(chunks.every(({ usedAt }) => usedAt === now));
      expect(await house.trash(file));
      expect(await house.purge(file));
      for (let day = 0; day < 3; day += 1) {
        await house.collect();
        assert.ok((await house.bytesOf(copy)).equals(bytes));
        house.pass();
      }
    });

    test("empties a segment that is mostly garbage, and removes it later", async () => {
      await using house = await given();
      const small = randomBytes(100_000);
      const file = expect(await house.file(house.rootId, "file", small));
      assert.equal(
        outcomeOf(await house.revise(file.id, 7, randomBytes(600_000))),
        "stale-revision",
      );
      assert.equal(await house.kept(), 700_000);
      for (let day = 0; day < 2; day += 1) {
        house.pass();
        await house.collect();
        assert.ok((await house.bytesOf(file.id)).equals(small));
      }
      assert.equal(await house.kept(), 100_000);
    });

    test("removes the files of an erased user after a day", async () => {
      await using house = await given();
      const { subject, as, adaId } = house;
      expect(await house.file(house.rootId, "file", randomBytes(size)));
      await subject.unitOfWork(as("system"), async ({ personalData }) => {
        await personalData.erase(adaId);
        return ok(undefined);
      });
      assert.deepEqual(await house.collect(), { chunks: 0, segments: 0, moved: 0 });
      house.pass();
      const { chunks, segments } = await house.collect();
      assert.ok(chunks > 0 && segments > 0);
      assert.equal(await house.kept(), 0);
    });

    test("keeps chunks that an upload reuses while they are collected", async () => {
      await using house = await given();
      const { drive, subject, as, adaId, space } = house;
      const bytes = randomBytes(size);
      let { rootId } = house;
      for (let round = 1; round <= 4; round += 1) {
        expect(await house.file(rootId, "before", bytes));
        // No revision has the chunks from now on.
        await subject.unitOfWork(as("system"), async ({ personalData }) => {
          await personalData.erase(adaId);
          return ok(undefined);
        });
        house.pass();
        ({ rootId } = expect(await drive.openSpace({ name: space.name }, as(adaId))));
        const [file] = await Promise.all([house.file(rootId, "after", bytes), house.collect()]);
        const { id } = expect(file);
        for (let i = 0; i < 2; i += 1) await house.collect();
        assert.ok((await house.bytesOf(id)).equals(bytes), `round ${round}`);
      }
    });
  });
}
