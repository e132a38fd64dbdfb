import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { ListChanges } from "../application/changes/list-changes.ts";
import { NodeId } from "../domain/ids.ts";
import { maxDepth } from "../domain/node.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

type House = Awaited<ReturnType<typeof openDrive>>;
/** Paths below a folder, with the hash of each file. */
type Tree = Readonly<Record<string, string>>;
type Listed = {
  readonly id: NodeId;
  readonly name: string;
  readonly content?: { readonly hash: string } | undefined;
};

const bytes = (text: string) => Buffer.from(text);
const [secondMs, hourMs] = [1_000, 3_600_000];

async function treeOf(
  list: (nodeId: NodeId) => Promise<readonly Listed[]>,
  folderId: NodeId,
  above = "",
): Promise<Tree> {
  const tree: Record<string, string> = {};
  for (const { id, name, content } of await list(folderId)) {
    const path = `${above}/${name}`;
    tree[path] = content?.hash ?? "folder";
    if (!content) Object.assign(tree, await treeOf(list, id, path));
  }
  return tree;
}

function timesOf(house: House) {
  const { clock } = house;
  const now = async (folderId: NodeId): Promise<Tree> =>
    treeOf(async (nodeId) => {
      const listed = expect(await house.children(nodeId)).items;
      return listed.map((node) => ({
        ...node,
        content: node.kind === "file" ? node.content : undefined,
      }));
    }, folderId);
  return {
    now,
    /** The present, which is past a second later. */
    mark(): Instant {
      const at = clock.now();
      clock.advance(secondMs);
      return at;
    },
    asOf: async (folderId: NodeId, at: Instant): Promise<Tree> =>
      treeOf(async (nodeId) => {
        const { items } = expect(await house.past(nodeId, at));
        return items.map(({ node: { id }, name, content }) => ({ id, name, content }));
      }, folderId),
  };
}

/** What one of a few people might do next, by the numbers of nodes that were made before. */
const act = fc.record({
  what: fc.constantFrom("folder", "file", "file", "revise", "move", "move", "trash", "restore"),
  which: fc.nat(20),
  where: fc.nat(20),
  name: fc.constantFrom("a", "b", "c", "d"),
  text: fc.constantFrom("one", "two", "three"),
});
type Act = typeof act extends fc.Arbitrary<infer T> ? T : never;

/** Does what can be done. Answers the folders that there are. */
async function play(house: House, acts: readonly Act[], after: () => Promise<void>) {
  const [folders, files]: [NodeId[], NodeId[]] = [[house.rootId], []];
  const all = () => [...folders.slice(1), ...files];
  const pick = (some: readonly NodeId[], n: number) => some[n % some.length] ?? house.rootId;
  for (const { what, which, where, name, text } of acts) {
    const parentId = pick(folders, where);
    const node = pick(all(), which);
    if (what === "folder") {
      const made = await house.folder(parentId, name);
      if (made.ok) folders.push(made.value.id);
    } else if (what === "file") {
      const made = await house.file(parentId, name, bytes(text));
      if (made.ok) files.push(made.value.id);
    } else if (what === "move") await house.move(node, { parentId, name });
    else if (what === "trash") await house.trash(node);
    else if (what === "restore") await house.restore(node, which % 2 === 0 ? {} : { parentId });
    else if (files.length > 0) {
      const file = pick(files, which);
      const { items } = await house.revisions(file, { limit: 1 });
      await house.revise(file, items[0]?.revision ?? 1, bytes(text));
    }
    await after();
  }
  return folders;
}

/** The past is told and brought back alike on every adapter. `runs`: of the property. */
export function timeMachineContract(name: string, open: OpenDrive, runs: number): void {
  async function given() {
    const house = await openDrive(open);
    return { ...house, ...timesOf(house) };
  }

  describe(`the time machine on ${name}`, () => {
    test("tells and brings back what there was, whatever was done since", async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(act, { minLength: 4, maxLength: 25 }),
          fc.nat(100),
          fc.nat(100),
          async (acts, chosenFolder, chosenTime) => {
            await using house = await given();
            const { rootId } = house;
            const marks: { readonly at: Instant; readonly tree: Tree }[] = [];
            const mark = async () => {
              const tree = await house.now(rootId);
              marks.push({ at: house.mark(), tree });
            };
            await mark();
            const folders = await play(house, acts, mark);
            for (const { at, tree } of marks)
              assert.deepEqual(await house.asOf(rootId, at), tree, "the past is told");

            const folderId = folders[chosenFolder % folders.length] ?? rootId;
            const { at } = marks[chosenTime % marks.length] ?? { at: house.mark() };
            const [before, was] = [await house.now(rootId), await house.past(folderId, at)];
            const wanted = was.ok ? await house.asOf(folderId, at) : {};
            const rewound = await house.rewind(folderId, at);
            if (!rewound.ok) {
              assert.match(outcomeOf(rewound), /^(no-such-past|node-in-trash)$/);
              return;
            }
            assert.deepEqual(await house.now(folderId), wanted, "the folder is what it was");
            const again = expect(await house.rewind(folderId, at));
            assert.ok(
              Object.values(again).every((count) => count === 0),
              "there is no more to do",
            );
            const undone = marks.at(-1)?.at ?? at;
            house.mark();
            expect(await house.rewind(rootId, undone));
            assert.deepEqual(await house.now(rootId), before, "it can be taken back");
          },
        ),
        { numRuns: runs },
      );
    });

    test("brings back what was deleted, renamed, moved and overwritten, and puts away what is new", async () => {
      await using house = await given();
      const { rootId } = house;
      const photos = await house.made(rootId, "photos");
      const trip = await house.made(photos, "trip");
      const files = ["a", "b", "c", "d"];
      const ids: NodeId[] = [];
      for (const one of files) ids.push(expect(await house.file(trip, one, bytes(one))).id);
      const [a = rootId, b = rootId, c = rootId, d = rootId] = ids;
      const before = await house.now(photos);
      const at = house.mark();

      expect(await house.trash(a));
      expect(await house.move(b, { name: "x" }));
      expect(await house.move(c, { name: "b" }));
      expect(await house.move(b, { name: "c" }));
      expect(await house.revise(d, 1, bytes("lost")));
      const fresh = await house.made(trip, "a");
      await house.file(fresh, "new", bytes("new"));
      const counts = { restored: 1, moved: 2, revised: 1, copied: 0, trashed: 2 };
      const dry = expect(await house.rewind(photos, at, { dryRun: true }));
      assert.deepEqual(dry, counts, "it is told before");
      assert.notDeepEqual(await house.now(photos), before);
      assert.deepEqual(expect(await house.rewind(photos, at)), counts);
      assert.deepEqual(await house.now(photos), before);
      assert.equal((await house.bytesOf(d)).toString(), "d");
      assert.equal((await house.bytesOf(d, 0, Infinity, 2)).toString(), "lost", "nothing is lost");
      assert.equal(expect(await house.seen(fresh)).inTrash, true);

      expect(await house.move(a, { name: "away" }));
      expect(await house.trash(trip));
      const all = { restored: 5, moved: 0, revised: 0, copied: 0, trashed: 0 };
      assert.deepEqual(expect(await house.rewind(photos, at)), all, "with the folder it was in");
      assert.deepEqual(await house.now(photos), before);
    });

    test("leaves what was moved out of a folder where it is, and makes it anew in the folder", async () => {
      await using house = await given();
      const { rootId } = house;
      const work = await house.made(rootId, "work");
      const inner = await house.made(work, "inner");
      const file = expect(await house.file(inner, "file", bytes("one"))).id;
      const at = house.mark();
      const other = await house.made(rootId, "other");
      expect(await house.move(inner, { parentId: other }));
      expect(await house.revise(file, 1, bytes("two")));
      expect(await house.move(work, { parentId: inner }));

      const counts = expect(await house.rewind(work, at));
      assert.deepEqual(counts, { restored: 0, moved: 0, revised: 0, copied: 2, trashed: 0 });
      const tree = await house.now(rootId);
      assert.deepEqual(Object.keys(tree), [
        "/other",
        "/other/inner",
        "/other/inner/file",
        "/other/inner/work",
        "/other/inner/work/inner",
        "/other/inner/work/inner/file",
      ]);
      assert.equal((await house.bytesOf(file)).toString(), "two");
      const { items } = expect(await house.children(work));
      const copied = expect(await house.children(items[0]?.id ?? rootId)).items[0]?.id ?? rootId;
      assert.equal((await house.bytesOf(copied)).toString(), "one");
    });

    test("tells one event of the folder, and the changes of what lies in it", async () => {
      await using house = await given();
      const { drive, as, adaId, rootId, space, subject } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "file", bytes("one"))).id;
      const at = house.mark();
      expect(await house.trash(file));
      const list = (more: object) =>
        drive.listChanges(read(ListChanges, { spaceId: space.id, ...more }), as(adaId));
      const { nextCursor: cursor } = expect(await list({}));
      const told = (await subject.events()).length;
      expect(await house.rewind(folder, at));
      assert.deepEqual((await subject.events()).slice(told), [
        "drive.folder-rewound",
        "drive.node-restored",
      ]);
      const { items } = expect(await list({ cursor }));
      assert.deepEqual(
        items.map(({ node, inTrash }) => [node.id, inTrash]),
        [
          [folder, false],
          [file, false],
        ],
      );
    });

    test("lists the past page by page, in the order of the names of then", async () => {
      await using house = await given();
      const { rootId } = house;
      const ids: NodeId[] = [];
      for (const one of ["a", "B", "c"]) ids.push(await house.made(rootId, one));
      const at = house.mark();
      expect(await house.move(ids[0] ?? rootId, { name: "z" }));
      expect(await house.trash(ids[1] ?? rootId));
      const first = expect(await house.past(rootId, at, { limit: 2 }));
      assert.deepEqual(
        first.items.map((one) => one.name),
        ["a", "B"],
      );
      const next = expect(await house.past(rootId, at, { limit: 2, cursor: first.nextCursor }));
      assert.deepEqual(
        next.items.map((one) => one.name),
        ["c"],
      );
    });

    test("does not know what was deleted for good", async () => {
      await using house = await given();
      const { rootId } = house;
      const kept = await house.made(rootId, "kept");
      const gone = await house.made(rootId, "gone");
      expect(await house.move(kept, { parentId: gone }));
      const at = house.mark();
      expect(await house.move(kept, { parentId: rootId }));
      expect(await house.trash(gone));
      expect(await house.purge(gone));
      assert.deepEqual(await house.asOf(rootId, at), {});
      expect(await house.rewind(rootId, at));
      assert.equal(expect(await house.seen(kept)).inTrash, true, "it was not there by itself");
    });

    test("refuses other people, files, folders in the trash, and times without the folder", async () => {
      await using house = await given();
      const { rootId, bobId, clock } = house;
      const early = house.mark();
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(rootId, "file", bytes("x"))).id;
      const at = house.mark();
      const later = Instant.plus(clock.now(), hourMs);
      for (const [nodeId, when, actor, refusal] of [
        [folder, at, bobId, "forbidden"],
        [newId(NodeId), at, undefined, "node-not-found"],
        [file, at, undefined, "not-a-folder"],
        [folder, early, undefined, "no-such-past"],
        [folder, later, undefined, "no-such-past"],
      ] as const) {
        assert.equal(outcomeOf(await house.past(nodeId, when, {}, actor)), refusal);
        assert.equal(outcomeOf(await house.rewind(nodeId, when, {}, actor)), refusal);
        const dry = await house.rewind(nodeId, when, { dryRun: true }, actor);
        assert.equal(outcomeOf(dry), refusal);
      }
      expect(await house.trash(folder));
      assert.equal(outcomeOf(await house.past(folder, at)), "ok", "it can be looked at");
      assert.equal(outcomeOf(await house.rewind(folder, at)), "node-in-trash");
    });

    test("knows no circle where a clock has gone back", async () => {
      await using house = await given();
      const { rootId, clock } = house;
      const a = await house.made(rootId, "a");
      const b = await house.made(a, "b");
      clock.advance(10 * secondMs);
      expect(await house.move(b, { parentId: rootId }));
      clock.advance(-5 * secondMs);
      expect(await house.move(a, { parentId: b }));
      const between = Instant.plus(clock.now(), 2 * secondMs);
      clock.advance(20 * secondMs);
      expect(await house.rewind(a, between));
      assert.deepEqual(Object.keys(await house.now(rootId)).length, 3, "b stays, and a has a copy");
    });

    test("refuses a past that would lie too deep", async () => {
      await using house = await given();
      const { rootId } = house;
      const moving = await house.made(rootId, "moving");
      const inner = await house.made(moving, "inner");
      const at = house.mark();
      expect(await house.move(inner, { parentId: rootId }));
      let deep = rootId;
      for (let depth = 1; depth < maxDepth - 1; depth += 1) deep = await house.made(deep, "d");
      expect(await house.move(moving, { parentId: deep }));
      assert.equal(outcomeOf(await house.rewind(moving, at)), "too-deep");
    });

    test("keeps the tree whole when others write, move and delete meanwhile", async () => {
      await using house = await given();
      const { rootId } = house;
      for (let round = 0; round < 4; round += 1) {
        const folder = await house.made(rootId, `folder ${round}`);
        const inner = await house.made(folder, "inner");
        const file = expect(await house.file(inner, "file", bytes("one"))).id;
        const at = house.mark();
        expect(await house.trash(file));
        const outcomes = await Promise.all([
          house.rewind(folder, at),
          house.rewind(folder, at),
          house.move(inner, { name: "moved" }),
          house.file(inner, "FILE", bytes("mine")),
          house.trash(folder),
        ]);
        for (const outcome of outcomes)
          assert.match(outcomeOf(outcome), /^(ok|conflict|name-taken|node-in-trash|too-busy)$/);
        await house.restore(folder);
        const { items } = expect(await house.children(inner));
        const names = items.map((one) => one.name.toLowerCase());
        assert.equal(new Set(names).size, names.length, "no name is there twice");
      }
    });
  });
}
