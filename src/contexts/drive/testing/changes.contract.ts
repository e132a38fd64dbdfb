import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { FollowChanges, ListChanges } from "../application/changes/list-changes.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { beginning, type Mark } from "../application/ports/changes.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

/** The changes of a space are told alike on every adapter, each once, whatever is asked for when. */
export function changesContract(name: string, open: OpenDrive): void {
  async function given() {
    const house = await openDrive(open);
    const { drive, as, adaId, space } = house;
    const list = (more: object = {}, actor: string = adaId) =>
      drive.listChanges(read(ListChanges, { spaceId: space.id, ...more }), as(actor));
    const told = async (more: object) => {
      const { items, ...page } = expect(await list(more));
      return {
        ...page,
        names: items.map(({ node, inTrash }) => `${node.name}${inTrash ? " (trash)" : ""}`),
      };
    };
    return { ...house, list, told };
  }

  describe(`changes on ${name}`, () => {
    test("tells which spaces have changed since a place in the log", async () => {
      await using house = await openDrive(open);
      const { drive, as, adaId, bobId, rootId, space } = house;
      const { id: other } = expect(
        await drive.openSpace(read(OpenSpace, { name: "Another" }), as(adaId)),
      );
      const changed = async (after: Mark | undefined) =>
        expect(await drive.changedSpaces({ after }, as("system")));
      const { spaces, last } = await changed(undefined);
      assert.equal(spaces, undefined, "what changed before the first look is unknown");
      await house.made(rootId, "a");
      await house.made(rootId, "b");
      const one = await changed(last);
      assert.deepEqual(one.spaces, [space.id]);
      await house.join(bobId, "viewer");
      const members = await changed(one.last);
      assert.deepEqual(members.spaces, [space.id], "memberships are changes, too");
      assert.deepEqual(await changed(members.last), { spaces: [], last: members.last });
      const all = await changed(beginning);
      assert.deepEqual(all.spaces?.toSorted(), [space.id, other].toSorted());
      const restored = await changed({ position: 1, id: `evt_${"0".repeat(26)}` });
      assert.deepEqual(restored, { spaces: undefined, last: members.last });
    });

    test("tells every change to a client that reads the tree after taking a cursor", async () => {
      await using house = await given();
      const { rootId } = house;
      await house.made(rootId, "before");
      const { items, nextCursor: cursor, hasMore } = expect(await house.list());
      assert.deepEqual([items, hasMore], [[], false]);

      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "file", Buffer.from("one"))).id;
      expect(await house.revise(file, 1, Buffer.from("two")));
      expect(await house.move(folder, { name: "renamed" }));
      const page = await house.told({ cursor });
      assert.deepEqual(page.names, ["file", "renamed"], "each once, by its last change");

      const again = await house.told({ cursor: page.nextCursor });
      assert.deepEqual([again.names, again.hasMore], [[], false]);
      expect(await house.trash(folder));
      const gone = await house.told({ cursor: again.nextCursor });
      assert.deepEqual(gone.names, ["renamed (trash)"], "what lies below is told by its folder");
      expect(await house.restore(folder));
      assert.deepEqual((await house.told({ cursor: gone.nextCursor })).names, ["renamed"]);
      const all = await house.told({ cursor: "0." });
      assert.deepEqual(all.names, ["My files", "before", "file", "renamed"], "from the first on");
    });

    test("tells that a node was purged, also to a client that has not heard of its trashing", async () => {
      await using house = await given();
      const folder = await house.made(house.rootId, "folder");
      const { nextCursor: cursor } = expect(await house.list());
      expect(await house.trash(folder));
      expect(await house.purge(folder));
      const page = expect(await house.list({ cursor }));
      assert.deepEqual([page.items, page.purged], [[], [folder]]);
    });

    test("tells changes page by page, in one order", async () => {
      await using house = await given();
      const { nextCursor } = expect(await house.list());
      const names = ["a", "b", "c", "d", "e"];
      for (const one of names) await house.made(house.rootId, one);
      const told: string[] = [];
      let [cursor, hasMore] = [nextCursor, true];
      while (hasMore) {
        const page = await house.told({ cursor, limit: 2 });
        assert.ok(page.names.length <= 2);
        told.push(...page.names);
        [cursor, hasMore] = [page.nextCursor, page.hasMore];
      }
      assert.deepEqual(told, names);
    });

    test("tells each change once when writers race", async () => {
      await using house = await given();
      let { nextCursor: cursor } = expect(await house.list());
      const writers = Array.from({ length: 20 }, (_, i) => house.made(house.rootId, `n${i}`));
      const told: string[] = [];
      const look = async () => {
        const page = await house.told({ cursor });
        told.push(...page.names);
        cursor = page.nextCursor;
      };
      for (let i = 0; i < 5; i += 1) await look();
      await Promise.all(writers);
      await look();
      assert.equal(told.length, 20);
      assert.equal(new Set(told).size, 20);
    });

    test("tells the changes of one space to its owner alone", async () => {
      await using house = await given();
      const { drive, as, bobId } = house;
      assert.equal(outcomeOf(await house.list({}, bobId)), "forbidden");
      const { nextCursor: cursor } = expect(await house.list());
      const input = read(OpenSpace, { name: "Bob's" });
      const others = expect(await drive.openSpace(input, as(bobId)));
      expect(await house.folder(others.rootId, "secret", bobId));
      assert.deepEqual((await house.told({ cursor })).names, []);
    });

    test("refuses a cursor that the log does not have", async () => {
      await using house = await given();
      await house.made(house.rootId, "a");
      const { nextCursor } = expect(await house.list());
      const [position = ""] = nextCursor.split(".");
      const another = `${position}.evt_00000000000000000000000000`;
      assert.equal(outcomeOf(await house.list({ cursor: another })), "cursor-lost");
      const ahead = nextCursor.replace(position, `${Number(position) + 1_000}`);
      assert.equal(outcomeOf(await house.list({ cursor: ahead })), "cursor-lost");
      assert.equal(ListChanges.parse({ spaceId: house.space.id, cursor: "1" }).ok, false);
    });

    test("tells a follower the changes since its cursor, and then new ones", async () => {
      await using house = await given();
      const { drive, as, adaId, space, rootId } = house;
      const { nextCursor: cursor } = expect(await house.list());
      await house.made(rootId, "a");
      const input = read(FollowChanges, { spaceId: space.id, cursor });
      const { next } = expect(await drive.followChanges(input, as(adaId)));
      const names = async () => expect(await next()).items.map(({ node }) => node.name);
      assert.deepEqual(await names(), ["a"]);
      assert.deepEqual(await names(), []);
      await house.made(rootId, "b");
      assert.deepEqual(await names(), ["b"]);
    });
  });
}
