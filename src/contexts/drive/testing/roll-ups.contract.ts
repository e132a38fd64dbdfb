import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

/** Tags tell what has changed below folders, on every adapter. */
export function rollUpsContract(name: string, open: OpenDrive): void {
  describe(`roll-ups on ${name}`, () => {
    test("change with whatever changes below a folder, and with nothing else", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const [left, right] = [await house.made(rootId, "left"), await house.made(rootId, "right")];
      const deep = await house.made(left, "deep");
      const file = expect(await house.file(deep, "one", Buffer.from("12345")));
      const tags = async () => ({
        root: (await house.tag(rootId)).tag,
        left: (await house.tag(rootId, left)).tag,
        right: (await house.tag(rootId, right)).tag,
        deep: (await house.tag(left, deep)).tag,
      });
      assert.equal((await house.tag(rootId)).bytes, 5);
      assert.deepEqual(await house.tag(left), await house.tag(rootId, left));
      let before = await tags();
      const changed = async () => {
        const now = await tags();
        const names = (["root", "left", "right", "deep"] as const).filter(
          (one) => now[one] !== before[one],
        );
        before = now;
        return names.join(" ");
      };
      assert.equal(await changed(), "");
      expect(await house.revise(file.id, 1, Buffer.from("other")));
      assert.equal(await changed(), "root left deep");
      expect(await house.move(file.id, { name: "two" }));
      assert.equal(await changed(), "root left deep");
      expect(await house.move(file.id, { parentId: right }));
      assert.equal(await changed(), "root left right deep");
      expect(await house.trash(file.id));
      assert.equal(await changed(), "root right");
      expect(await house.restore(file.id));
      assert.equal(await changed(), "root right");
      expect(await house.trash(file.id));
      await changed();
      expect(await house.purge(file.id));
      assert.equal(await changed(), "", "what is in the trash counts for nothing");
    });

    test("are refused to users who may not read the folder", async () => {
      await using house = await openDrive(open);
      const asked = house.drive.rollUps({ nodeId: house.rootId }, house.as(house.bobId));
      assert.equal(outcomeOf(await asked), "forbidden");
    });

    test("change with the whole space where more lies below than is looked at", async () => {
      await using house = await openDrive(open);
      const { rootId, space, subject, as, adaId } = house;
      await house.made(rootId, "one");
      const look = (limit: number) =>
        subject.read(as(adaId), ({ rollUps }) => rollUps.below(rootId, limit));
      const newest = () => subject.read(as(adaId), ({ rollUps }) => rollUps.newest(space.id));
      assert.equal((await look(2))?.size, 2);
      assert.equal(await look(1), undefined);
      const before = await newest();
      await house.made(rootId, "two");
      assert.ok((await newest()) > before);
    });
  });
}
