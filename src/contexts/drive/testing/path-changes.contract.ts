import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import {
  ChangePageSize,
  ListChanges,
  type ChangeCursor,
} from "../application/changes/list-changes.ts";
import type { PathChanges } from "../application/changes/path-changes.ts";
import type { NodeId } from "../domain/ids.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

type House = Awaited<ReturnType<typeof openDrive>>;

const pageOfThree = expect(ChangePageSize.parse(3));

/** A client that follows a folder by paths. */
async function follower(
  house: House,
  folderId: NodeId,
  { isDeep = true, meanwhile = async () => {} } = {},
) {
  const { drive, as, adaId, space } = house;
  const now = expect(await drive.listChanges(read(ListChanges, { spaceId: space.id }), as(adaId)));
  let cursor: ChangeCursor = now.nextCursor;
  // Others write between the mark and the list.
  await meanwhile();
  const listed = await tree(house, folderId, isDeep);
  const unmoved = expect(
    await drive.findUnmoved(
      { folderId, nodeIds: listed.map(([, id]) => id as NodeId), cursor },
      as(adaId),
    ),
  );
  const known = new Map([...unmoved].map(([id, names]) => [names.join("/"), id as string]));
  const apply = ({ gone, there }: Pick<PathChanges, "gone" | "there">) => {
    for (const path of gone.map((names) => names.join("/")))
      for (const one of known.keys())
        if (one === path || one.startsWith(`${path}/`)) known.delete(one);
    for (const { node, names } of there) known.set(names.join("/"), node.id);
  };
  return {
    known,
    async look(between = async () => {}): Promise<"ok" | "cursor-lost"> {
      for (;;) {
        const asking = { folderId, isDeep, cursor, limit: pageOfThree };
        const page = await drive.listPathChanges(asking, as(adaId));
        if (!page.ok) {
          assert.equal(page.error.type, "cursor-lost");
          return "cursor-lost";
        }
        apply(page.value);
        cursor = page.value.nextCursor;
        if (!page.value.hasMore) return "ok";
        await between();
      }
    },
  };
}

/** Ids by paths, as they are now. */
async function tree(
  house: House,
  folderId: string,
  isDeep: boolean,
  above = "",
): Promise<readonly (readonly [string, string])[]> {
  const { items } = expect(await house.children(folderId));
  const found: (readonly [string, string])[] = [];
  for (const { id, name, kind } of items) {
    found.push([above + name, id]);
    if (isDeep && kind === "folder")
      found.push(...(await tree(house, id, true, `${above}${name}/`)));
  }
  return found;
}

const sorted = (paths: Iterable<readonly [string, string]>) =>
  [...paths].toSorted(([a], [b]) => (a < b ? -1 : 1));

/** Numbers that are the same each time. */
function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((state / 2_147_483_648) * below);
  };
}

/** Changes are told by paths, on every adapter. */
export function pathChangesContract(name: string, open: OpenDrive): void {
  describe(`changes by paths on ${name}`, () => {
    test("a client that applies the changes of a folder ends with the tree of that folder", async () => {
      for (const seed of [1, 2, 3]) {
        await using house = await openDrive(open);
        const below = numbers(seed);
        const watched = await house.made(house.rootId, "watched");
        const beside = await house.made(house.rootId, "beside");
        const folders: NodeId[] = [watched, beside];
        const files: NodeId[] = [];
        const any = <T>(all: readonly T[]): T | undefined => all[below(all.length)];
        /** Does something, which may be refused. */
        async function act(): Promise<void> {
          const to = any(folders) ?? watched;
          const one = any([...folders.slice(2), ...files]);
          const [label, what] = [`n${below(5)}`, below(7)];
          if (what === 0) {
            const made = await house.folder(to, label);
            if (made.ok) folders.push(made.value.id);
          } else if (what === 1) {
            const made = await house.file(to, label, Buffer.from(label));
            if (made.ok) files.push(made.value.id);
          } else if (one === undefined) return;
          else if (what <= 3) await house.move(one, { parentId: to, name: label });
          else if (what === 4) await house.trash(one);
          else if (what === 5) await house.restore(one, { name: label });
          else await house.revise(one, 1, Buffer.from(`${label} again`));
        }
        const acts = async (times: number) => {
          for (let i = 0; i < times; i += 1) await act();
        };
        await acts(10);
        const meanwhile = () => acts(12);
        const [deep, flat] = [
          await follower(house, watched, { meanwhile }),
          await follower(house, watched, { isDeep: false, meanwhile }),
        ];
        for (let round = 0; round < 12; round += 1) {
          await acts(below(8));
          for (const [client, isDeep] of [
            [deep, true],
            [flat, false],
          ] as const) {
            assert.equal(await client.look(act), "ok");
            const now = await tree(house, watched, isDeep);
            assert.deepEqual(sorted(client.known), sorted(now), `seed ${seed}, round ${round}`);
          }
        }
      }
    });

    test("a list that is read while a node moves twice leaves nothing where the node has been", async () => {
      await using house = await openDrive(open);
      const moved = expect(await house.file(house.rootId, "a", Buffer.from("1"))).id;
      const meanwhile = async () => {
        expect(await house.move(moved, { name: "b" }));
      };
      const client = await follower(house, house.rootId, { meanwhile });
      expect(await house.move(moved, { name: "c" }));
      assert.equal(await client.look(), "ok");
      assert.deepEqual([...client.known.keys()], ["c"]);
    });

    test("are refused for a folder in the trash", async () => {
      await using house = await openDrive(open);
      const folder = await house.made(house.rootId, "folder");
      expect(await house.trash(folder));
      const asked = { folderId: folder, isDeep: true, cursor: "0." as ChangeCursor };
      const told = house.drive.listPathChanges(asked, house.as(house.adaId));
      assert.equal(outcomeOf(await told), "node-in-trash");
    });

    test("loses the cursor if a node was purged before its deletion was told", async () => {
      await using house = await openDrive(open);
      const [one, two] = [await house.made(house.rootId, "1"), await house.made(house.rootId, "2")];
      expect(await house.trash(one));
      const client = await follower(house, house.rootId);
      expect(await house.purge(one));
      assert.equal(await client.look(), "ok", "it was in the trash before");
      const short = await house.made(house.rootId, "3");
      expect(await house.trash(short));
      expect(await house.purge(short));
      assert.equal(await client.look(), "ok", "it was never told");
      expect(await house.trash(two));
      expect(await house.purge(two));
      assert.equal(await client.look(), "cursor-lost");
    });

    test("are refused to users who may not read the folder", async () => {
      await using house = await openDrive(open);
      const asked = { folderId: house.rootId, isDeep: true, cursor: "0." as ChangeCursor };
      const told = house.drive.listPathChanges(asked, house.as(house.bobId));
      assert.equal(outcomeOf(await told), "forbidden");
    });
  });
}
