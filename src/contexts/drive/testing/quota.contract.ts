import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";
import { tarOf } from "./archives.ts";

const quota = 1_000_000;

/** What the spaces of an owner have is counted and limited alike on every adapter. */
export function quotaContract(name: string, open: OpenDrive): void {
  async function given() {
    const house = await openDrive(open, quota);
    const { drive, as, adaId } = house;
    const used = async () => expect(await drive.getUsage({}, as(adaId))).usedBytes;
    return { ...house, used };
  }

  describe(`the quota of an owner on ${name}`, () => {
    test("counts each content of a space once, for as long as a revision has it", async () => {
      await using house = await given();
      const { rootId, used } = house;
      const [bytes, others] = [randomBytes(100_000), randomBytes(50_000)];
      const file = expect(await house.file(rootId, "file", bytes)).id;
      const twin = expect(await house.file(rootId, "twin", bytes)).id;
      const copy = expect(await house.copy(file, { name: "copy" })).id;
      assert.equal(await used(), 100_000);
      expect(await house.revise(file, 1, others));
      expect(await house.revise(file, 2, bytes));
      assert.equal(await used(), 150_000);
      expect(await house.trash(file));
      assert.equal(await used(), 150_000, "the trash counts");
      expect(await house.purge(file));
      assert.equal(await used(), 100_000);
      for (const one of [twin, copy]) {
        expect(await house.trash(one));
        expect(await house.purge(one));
      }
      assert.equal(await used(), 0);
      expect(await house.file(rootId, "again", bytes));
      assert.equal(await used(), 100_000);
    });

    test("counts what lies below a purged folder, and nothing of an erased owner", async () => {
      await using house = await given();
      const { rootId, used, subject, as, adaId } = house;
      const folder = await house.made(rootId, "folder");
      const archive = tarOf([
        { name: "a", text: "a".repeat(10_000) },
        { name: "b/c", text: "c".repeat(20_000) },
      ]);
      expect(await house.batch(folder, await archive));
      expect(await house.file(rootId, "file", randomBytes(5_000)));
      assert.equal(await used(), 35_000);
      expect(await house.trash(folder));
      expect(await house.purge(folder));
      assert.equal(await used(), 5_000);
      await subject.unitOfWork(as("system"), async ({ personalData }) => {
        await personalData.erase(adaId);
        return ok(undefined);
      });
      assert.equal(await used(), 0);
    });

    test("refuses what goes beyond it in every way, and takes what is there already", async () => {
      await using house = await given();
      const { rootId, used } = house;
      const bytes = randomBytes(600_000);
      const file = expect(await house.file(rootId, "file", bytes)).id;
      const text = randomBytes(250_000).toString("hex");
      const more = Buffer.from(text);
      const refused = [
        await house.file(rootId, "more", more),
        await house.revise(file, 1, more),
        await house.begin(rootId, more, { name: "more" }),
        await house.batch(rootId, await tarOf([{ name: "more", text }])),
      ];
      assert.deepEqual(refused.map(outcomeOf), Array(4).fill("quota-exceeded"));
      assert.equal(await used(), 600_000);
      assert.deepEqual(await house.names(rootId), ["file"]);
      // A body that does not fit is refused unread: the answer would tell whether its content is there.
      assert.equal(outcomeOf(await house.file(rootId, "twin", bytes)), "quota-exceeded");
      expect(await house.copy(file, { name: "copy" }));
      expect(await house.begin(rootId, bytes, { name: "twin", parts: [] }));
      expect(await house.file(rootId, "exactly", randomBytes(400_000)));
      assert.equal(await used(), quota);
      expect(await house.file(rootId, "empty", Buffer.alloc(0)));
      assert.equal(outcomeOf(await house.file(rootId, "byte", Buffer.alloc(1))), "quota-exceeded");
    });

    test("refuses the end of an upload whose room others have taken meanwhile", async () => {
      await using house = await given();
      const bytes = randomBytes(100_000);
      const begun = await house.begin(house.rootId, bytes, { name: "late" });
      const { upload, missing } = expect(begun);
      const range = missing.map(({ position }) => position).join(",");
      expect(await house.send(upload.id, range, bytes));
      const file = expect(await house.file(house.rootId, "file", randomBytes(950_000))).id;
      assert.equal(outcomeOf(await house.commit(upload.id)), "quota-exceeded");
      expect(await house.trash(file));
      expect(await house.purge(file));
      expect(await house.commit(upload.id));
    });

    test("holds where content that was there is purged before it is kept again", async () => {
      let meanwhile: (() => Promise<void>) | undefined;
      const opening: OpenDrive = async (clock) => {
        const subject = await open(clock);
        const unitOfWork: typeof subject.unitOfWork = (context, work, options) =>
          subject.unitOfWork(
            context,
            async (scope) => {
              const done = await work(scope);
              const once = meanwhile;
              meanwhile = undefined;
              await once?.();
              return done;
            },
            options,
          );
        return { ...subject, unitOfWork };
      };
      await using house = await openDrive(opening, quota);
      const { rootId, drive, as, adaId } = house;
      const bytes = randomBytes(450_000);
      const old = expect(await house.file(rootId, "old", bytes)).id;
      expect(await house.trash(old));
      meanwhile = async () => {
        expect(await house.purge(old));
        expect(await house.file(rootId, "other", randomBytes(700_000)));
      };
      assert.equal(outcomeOf(await house.file(rootId, "again", bytes)), "quota-exceeded");
      assert.equal(expect(await drive.getUsage({}, as(adaId))).usedBytes, 700_000);
    });

    test("holds when many take the last of it at once", async () => {
      await using house = await given();
      const { rootId, used } = house;
      expect(await house.file(rootId, "most", randomBytes(700_000)));
      const racing = Array.from({ length: 12 }, (_, i) =>
        house.file(rootId, `${i}`, randomBytes(90_000)),
      );
      const outcomes = (await Promise.all(racing)).map(outcomeOf);
      const kept = outcomes.filter((one) => one === "ok").length;
      assert.ok(outcomes.every((one) => ["ok", "quota-exceeded", "conflict"].includes(one)));
      assert.ok(kept >= 1 && kept <= 3, outcomes.join(" "));
      assert.equal(await used(), 700_000 + kept * 90_000);
    });
  });
}
