import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { newId } from "#test/values.ts";
import { PurgeNode } from "../application/nodes/purge-node.ts";
import { FindByPath, ListChildren, TrashCursor } from "../application/nodes/read-nodes.ts";
import { GetSpace, OpenSpace } from "../application/spaces/spaces.ts";
import { NodeId } from "../domain/ids.ts";
import { maxDepth, Node } from "../domain/node.ts";
import type { NodeName } from "../domain/node-name.ts";
import { maxSpaces } from "../domain/space.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

/** The tree of folders and files does the same on every adapter. */
export function treeContract(name: string, open: OpenDrive): void {
  const given = () => openDrive(open);

  describe(`the tree of a drive on ${name}`, () => {
    test("opens a space for its owner alone, with a root that cannot be moved", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, space, rootId } = house;
      assert.deepEqual(expect(await drive.listSpaces({}, as(adaId))), [space]);
      assert.deepEqual(expect(await drive.listSpaces({}, as(bobId))), []);
      const get = read(GetSpace, { spaceId: space.id });
      assert.equal(outcomeOf(await drive.getSpace(get, as(bobId))), "forbidden");
      const root = expect(await house.seen(rootId)).node;
      assert.deepEqual([root.status, root.name, root.kind], ["root", "My files", "folder"]);
      assert.equal(outcomeOf(await house.move(rootId, { name: "other" })), "node-is-root");
      assert.equal(outcomeOf(await house.trash(rootId)), "node-is-root");
      assert.deepEqual(await house.subject.events(), [
        "drive.folder-created",
        "drive.space-opened",
      ]);
    });

    test("limits the spaces of one user when many are opened at once", async () => {
      await using house = await given();
      const { drive, as, adaId } = house;
      const opening = Array.from({ length: maxSpaces + 3 }, (_, i) =>
        drive.openSpace(read(OpenSpace, { name: `Space ${i}` }), as(adaId)),
      );
      const outcomes = (await Promise.all(opening)).map(outcomeOf);
      assert.equal(outcomes.filter((one) => one === "ok").length, maxSpaces - 1);
      assert.equal(outcomes.filter((one) => one === "too-many-spaces").length, 4);
    });

    test("lists folders by name without regard to case, page by page", async () => {
      await using house = await given();
      const { drive, as, adaId, rootId } = house;
      for (const one of ["b", "A", "ß", "c", "Z", "👍", "！"]) await house.made(rootId, one);
      const listed: string[] = [];
      let cursor: string | undefined;
      do {
        const asked = { nodeId: rootId, limit: 2, ...(cursor === undefined ? {} : { cursor }) };
        const page = expect(await drive.listChildren(read(ListChildren, asked), as(adaId)));
        listed.push(...page.items.map((node) => node.name));
        cursor = page.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(listed, ["A", "b", "c", "ß", "Z", "！", "👍"]);
    });

    test("refuses a name that differs from another only in case or Unicode form, also in a race", async () => {
      await using house = await given();
      const { rootId } = house;
      const taken = await house.made(rootId, "Café");
      const refused = await house.folder(rootId, "CAFE\u0301");
      assert.ok(!refused.ok && refused.error.type === "name-taken");
      assert.equal(refused.error.takenBy, taken);
      const racing = await Promise.all(["x", "X", "x"].map((one) => house.folder(rootId, one)));
      assert.deepEqual(racing.map(outcomeOf).toSorted(), ["name-taken", "name-taken", "ok"]);
      const renamed = expect(await house.move(taken, { name: "CAFÉ" }));
      assert.equal(renamed.name, "CAFÉ", "a node may change the case of its own name");
    });

    test("finds a node by its path, and names the nearest folder if there is none", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, space, rootId } = house;
      const at = async (path: string, actor: string = adaId) =>
        drive.findByPath(read(FindByPath, { spaceId: space.id, path }), as(actor));
      const idAt = async (path: string) => expect(await at(path)).node.id;
      const photos = await house.made(rootId, "Photos");
      const year = await house.made(photos, "2026");
      const file = expect(await house.file(year, "Tür.jpg", Buffer.from("x"))).id;
      assert.equal(await idAt("/"), rootId);
      assert.equal(await idAt("/photos"), photos);
      assert.equal(await idAt("/Photos/2026/TU\u0308R.JPG"), file);
      for (const [path, nearest] of [
        ["/Videos/x", "/"],
        ["/Photos/2025/a/b", "/Photos"],
        ["/Photos/2026/Tür.jpg/x", "/Photos/2026/Tür.jpg"],
      ] as const) {
        const refused = await at(path);
        assert.ok(!refused.ok && refused.error.type === "path-not-found");
        assert.equal(refused.error.nearest, nearest);
      }
      assert.equal(outcomeOf(await at("/Photos", bobId)), "forbidden");
      expect(await house.trash(photos));
      assert.equal(outcomeOf(await at("/Photos/2026")), "path-not-found");
    });

    test("moves a folder and everything below it with one event", async () => {
      await using house = await given();
      const { rootId } = house;
      const [a, b] = [await house.made(rootId, "a"), await house.made(rootId, "b")];
      const below = await house.made(a, "below");
      const before = (await house.subject.events()).length;
      const moved = expect(await house.move(a, { parentId: b, name: "moved" }));
      assert.deepEqual([moved.parentId, moved.name, moved.version], [b, "moved", 2]);
      assert.deepEqual((await house.subject.events()).slice(before), ["drive.node-moved"]);
      assert.deepEqual(await house.names(b), ["moved"]);
      assert.deepEqual(await house.names(a), ["below"]);
      assert.equal(expect(await house.seen(below)).inTrash, false);
      expect(await house.move(a, { parentId: b }));
      assert.equal((await house.subject.events()).length, before + 1, "nothing has changed");
    });

    test("refuses a change that is based on a stale version", async () => {
      await using house = await given();
      const { rootId } = house;
      const a = await house.made(rootId, "a");
      expect(await house.move(a, { name: "b", expectedVersion: 1 }));
      const stale = await house.move(a, { name: "c", expectedVersion: 1 });
      assert.equal(outcomeOf(stale), "precondition-failed");
      assert.equal(outcomeOf(await house.trash(a, { expectedVersion: 1 })), "precondition-failed");
    });

    test("never moves a folder below itself, even when two moves race", async () => {
      await using house = await given();
      const { rootId } = house;
      for (let round = 0; round < 5; round += 1) {
        const [a, b] = [
          await house.made(rootId, `a${round}`),
          await house.made(rootId, `b${round}`),
        ];
        const outcomes = await Promise.all([
          house.move(a, { parentId: b }),
          house.move(b, { parentId: a }),
        ]);
        assert.deepEqual(outcomes.map(outcomeOf).toSorted(), ["node-cycle", "ok"]);
        assert.equal(outcomeOf(await house.move(a, { parentId: a })), "node-cycle");
      }
    });

    test("refuses to create in, or move to, a file, another user's folder or another space", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, rootId } = house;
      const other = expect(await drive.openSpace(read(OpenSpace, { name: "B" }), as(bobId)));
      const second = expect(await drive.openSpace(read(OpenSpace, { name: "C" }), as(adaId)));
      const a = await house.made(rootId, "a");
      const file = expect(await house.file(rootId, "file", Buffer.from("x"))).id;
      assert.equal(outcomeOf(await house.folder(newId(NodeId), "a")), "node-not-found");
      assert.equal(outcomeOf(await house.folder(other.rootId, "a")), "forbidden");
      assert.equal(outcomeOf(await house.folder(file, "a")), "not-a-folder");
      assert.equal(outcomeOf(await house.move(a, { parentId: file })), "not-a-folder");
      assert.equal(outcomeOf(await house.move(a, { parentId: other.rootId })), "forbidden");
      assert.equal(outcomeOf(await house.move(a, { parentId: second.rootId })), "other-space");
      assert.equal(outcomeOf(await house.move(a, { name: "b" }, bobId)), "forbidden");
      assert.equal(outcomeOf(await house.trash(a, {}, bobId)), "forbidden");
      assert.equal(outcomeOf(await house.seen(a, bobId)), "forbidden");
    });

    test("limits the depth of folders on creation and on moves", async () => {
      await using house = await given();
      let [deep, half] = [house.rootId, house.rootId];
      for (let depth = 1; depth < maxDepth; depth += 1) {
        deep = await house.made(deep, "d");
        if (depth === maxDepth / 2) half = deep;
      }
      assert.equal(outcomeOf(await house.folder(deep, "d")), "too-deep");
      assert.equal(outcomeOf(await house.file(deep, "f", Buffer.from("x"))), "ok");
      const top = await house.made(house.rootId, "top");
      await house.made(top, "below");
      assert.equal(outcomeOf(await house.move(top, { parentId: deep })), "too-deep");
      assert.equal(outcomeOf(await house.move(top, { parentId: half })), "ok");
    });

    test("trashes and restores a folder with everything below it", async () => {
      await using house = await given();
      const { rootId } = house;
      const a = await house.made(rootId, "a");
      const below = await house.made(a, "below");
      const file = expect(await house.file(below, "file", Buffer.from("kept"))).id;
      const before = (await house.subject.events()).length;
      const gone = expect(await house.trash(a));
      assert.deepEqual((await house.subject.events()).slice(before), ["drive.node-trashed"]);
      assert.deepEqual(await house.names(rootId), []);
      assert.equal(expect(await house.seen(file)).inTrash, true);
      assert.deepEqual((await house.trashed()).items, [gone]);
      assert.equal((await house.bytesOf(file)).toString(), "kept", "it can be looked at");

      for (const refused of [
        await house.folder(below, "more"),
        await house.file(below, "more", Buffer.from("x")),
        await house.revise(file, 1, Buffer.from("x")),
        await house.move(below, { name: "other" }),
        await house.trash(a),
        await house.trash(below),
      ])
        assert.equal(outcomeOf(refused), "node-in-trash");
      const refused = await house.restore(below);
      assert.ok(!refused.ok && refused.error.type === "node-in-trash");
      assert.equal(refused.error.trashedId, a, "the folder to restore is named");
      expect(await house.restore(file, { parentId: rootId }));
      assert.deepEqual(await house.names(rootId), ["file"], "one file is taken out by itself");
      expect(await house.move(file, { name: "taken out" }));

      await house.made(rootId, "A");
      assert.equal(outcomeOf(await house.restore(a)), "name-taken");
      expect(await house.restore(a, { name: "a again" }));
      assert.deepEqual(await house.names(rootId), ["A", "a again", "taken out"]);
      assert.equal(expect(await house.seen(below)).inTrash, false);
      assert.equal(outcomeOf(await house.restore(below)), "node-not-in-trash");
      assert.deepEqual((await house.trashed()).items, []);
    });

    test("restores a node of a trashed folder elsewhere, and lists the trash page by page", async () => {
      await using house = await given();
      const { rootId, clock } = house;
      const a = await house.made(rootId, "a");
      const below = await house.made(a, "below");
      expect(await house.trash(below));
      clock.advance(1_000);
      expect(await house.trash(a));
      clock.advance(1_000);
      const c = await house.made(rootId, "c");
      expect(await house.trash(c));
      const first = await house.trashed({ limit: 2 });
      assert.deepEqual(
        first.items.map(({ name }) => name),
        ["c", "a"],
      );
      const second = await house.trashed({ limit: 2, cursor: first.nextCursor });
      assert.deepEqual(
        second.items.map(({ name }) => name),
        ["below"],
      );
      const nonsense = first.nextCursor?.replace(/^\d{4}-\d\d/, "0000-00");
      assert.equal(TrashCursor.parse(nonsense).ok, false, "a cursor of no time is refused");
      assert.equal(outcomeOf(await house.restore(below)), "node-in-trash");
      expect(await house.restore(below, { parentId: rootId }));
      assert.deepEqual(await house.names(rootId), ["below"]);
    });

    test("keeps a moved node in one place when its new folder is trashed meanwhile", async () => {
      await using house = await given();
      const { rootId } = house;
      for (let round = 0; round < 5; round += 1) {
        const to = await house.made(rootId, `to ${round}`);
        const it = await house.made(rootId, `it ${round}`);
        const [moved] = await Promise.all([house.move(it, { parentId: to }), house.trash(to)]);
        const isIn = expect(await house.seen(it)).inTrash;
        assert.equal(isIn, moved.ok, "it is in the trash if it was moved before");
      }
    });

    test("purges what is in the trash with everything below it, and its names in events", async () => {
      await using house = await given();
      const { rootId, bobId } = house;
      const a = await house.made(rootId, "private plans");
      const below = await house.made(a, "private below");
      const file = expect(await house.file(below, "private file", Buffer.from("x"))).id;
      assert.equal(outcomeOf(await house.purge(a)), "node-not-in-trash");
      expect(await house.trash(a));
      assert.equal(outcomeOf(await house.purge(below)), "node-not-in-trash");
      assert.equal(outcomeOf(await house.purge(a, bobId)), "forbidden");
      expect(await house.purge(a));
      for (const id of [a, below, file])
        assert.equal(outcomeOf(await house.seen(id)), "node-not-found");
      assert.deepEqual((await house.trashed()).items, []);
      assert.doesNotMatch(await house.subject.payloads(), /private/);
      assert.equal((await house.subject.events()).at(-1), "drive.node-purged");
      await house.made(rootId, "private plans"); // the name is free
    });

    test("answers a repeated purge as the first one, also of what took several steps", async () => {
      await using house = await openDrive(open);
      const { rootId, as, adaId, drive, clock, subject } = house;
      const folder = await house.made(rootId, "folder");
      const located = await subject.read(as(adaId), ({ nodes }) => nodes.locate(folder, adaId));
      assert.ok(located?.node.kind === "folder");
      const { node } = located;
      const created = Array.from({ length: 5_001 }, (_, i) =>
        Node.createFolder(
          {
            id: newId(NodeId),
            spaceId: node.spaceId,
            name: `n${i}` as NodeName,
            createdAt: clock.now(),
          },
          folder,
        ),
      );
      const at = clock.now();
      expect(
        await subject.unitOfWork(as("system"), async ({ nodes }) =>
          ok(nodes.saveAll(node, { changed: [], created, at })),
        ),
      );
      expect(await house.trash(folder));
      const context = () => ({ ...as(adaId), idempotency: { key: "k", fingerprint: "f" } });
      const purge = () => drive.purgeNode(read(PurgeNode, { nodeId: folder }), context());
      assert.equal(outcomeOf(await purge()), "ok");
      assert.equal(outcomeOf(await purge()), "ok");
      assert.equal(outcomeOf(await house.purge(folder)), "node-not-found");
      assert.deepEqual(await house.names(rootId), []);
    });

    test("leaves no node behind when a folder is purged while nodes are made in it", async () => {
      await using house = await given();
      const { drive, as, clock, rootId } = house;
      for (let round = 0; round < 5; round += 1) {
        const folder = await house.made(rootId, `folder ${round}`);
        const [made] = await Promise.all([
          house.folder(folder, "child"),
          house.file(folder, "file", Buffer.from("x")),
          house.trash(folder).then(() => house.purge(folder)),
        ]);
        if (made.ok) assert.equal(outcomeOf(await house.seen(made.value.id)), "node-not-found");
      }
      const kept = await house.made(rootId, "kept");
      const old = await house.made(rootId, "old");
      expect(await house.trash(old));
      clock.advance(31 * 86_400_000);
      expect(await house.trash(kept));
      assert.deepEqual(expect(await drive.purgeExpired({}, as("system"))), { failures: [] });
      assert.deepEqual(
        (await house.trashed()).items.map(({ name }) => name),
        ["kept"],
        "the trash keeps for thirty days",
      );
    });

    test("deletes the spaces of an erased user and redacts names in events", async () => {
      await using house = await given();
      const { drive, as, adaId, bobId, rootId, subject } = house;
      const a = await house.made(rootId, "secret plans");
      await house.file(a, "secret file", Buffer.from("x"));
      const others = expect(await drive.openSpace(read(OpenSpace, { name: "Bob's" }), as(bobId)));
      await subject.unitOfWork(as("system"), async ({ personalData }) => {
        await personalData.erase(adaId);
        return { ok: true, value: undefined };
      });
      assert.equal(outcomeOf(await house.seen(a)), "node-not-found");
      assert.deepEqual(expect(await drive.listSpaces({}, as(adaId))), []);
      assert.deepEqual(expect(await drive.listSpaces({}, as(bobId))), [others]);
      const payloads = await subject.payloads();
      assert.doesNotMatch(payloads, /secret|My files/);
      assert.match(payloads, /Bob's/);
    });
  });
}
