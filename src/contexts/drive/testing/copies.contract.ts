import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { CreateFolder } from "../application/nodes/create-folder.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";

/** How files and folders are copied, and make room for others, on any adapters. */
export function copiesContract(name: string, open: OpenDrive): void {
  describe(`copies of files and folders on ${name}`, () => {
    test("copies a folder with all that lies below it, but for what is in the trash", async () => {
      await using house = await openDrive(open);
      const { rootId, made, drive, as, adaId } = house;
      const photos = await made(rootId, "Photos");
      const summer = await made(photos, "Summer");
      const bytes = randomBytes(100_000);
      expect(await house.file(summer, "beach", bytes));
      expect(await house.file(photos, "empty", Buffer.alloc(0)));
      expect(await house.trash(expect(await house.file(photos, "gone", randomBytes(10))).id));

      const copy = expect(await house.copy(photos, { name: "More" }));
      assert.deepEqual([copy.kind, copy.parentId, copy.version], ["folder", rootId, 1]);
      assert.deepEqual(await house.names(copy.id), ["empty", "Summer"]);
      const [, inside] = expect(await house.children(copy.id)).items;
      const [beach] = expect(await house.children(inside?.id ?? "")).items;
      assert.ok((await house.bytesOf(beach?.id ?? "")).equals(bytes));
      assert.notEqual(inside?.id, summer);

      const other = expect(await drive.openSpace(read(OpenSpace, { name: "Other" }), as(adaId)));
      const there = expect(await house.copy(photos, { parentId: other.rootId }));
      assert.deepEqual([there.spaceId, there.name], [other.id, "Photos"]);
      const whole = expect(await house.copy(rootId, { parentId: other.rootId }));
      assert.deepEqual(await house.names(whole.id), ["More", "Photos"]);
      assert.deepEqual(await house.names(other.rootId), ["My files", "Photos"]);

      const alone = expect(await house.copy(photos, { name: "Alone", below: false }));
      assert.deepEqual(await house.names(alone.id), []);
    });

    test("copies a folder into itself as it was before", async () => {
      await using house = await openDrive(open);
      const { rootId, made } = house;
      const folder = await made(rootId, "a");
      expect(await house.file(folder, "file", randomBytes(10)));
      const copy = expect(await house.copy(folder, { parentId: folder, name: "b" }));
      assert.deepEqual(await house.names(copy.id), ["file"]);
      assert.deepEqual(await house.names(folder), ["b", "file"]);
    });

    test("refuses copies that would lie too deep", async () => {
      await using house = await openDrive(open);
      const { rootId, made } = house;
      const tower = await made(rootId, "0");
      let top = tower;
      for (let i = 1; i < 60; i += 1) top = await made(top, String(i));
      assert.equal(outcomeOf(await house.copy(tower, { parentId: top })), "too-deep");
      assert.equal(outcomeOf(await house.copy(tower, { parentId: top, below: false })), "ok");
    });

    test("copies, moved nodes and new folders get numbers where their names are taken, if they are told to", async () => {
      await using house = await openDrive(open);
      const { rootId, made, drive, as, adaId } = house;
      const file = expect(await house.file(rootId, "file.txt", randomBytes(10))).id;
      const folder = await made(rootId, "folder");
      const number = { ifTaken: "number" };
      for (const name of ["file.txt", "file (2).txt", "file (3).txt"])
        assert.equal(expect(await house.copy(file, { parentId: folder, ...number })).name, name);
      const moved = expect(await house.move(file, { parentId: folder, ...number }));
      assert.deepEqual([moved.id, moved.name], [file, "file (4).txt"]);
      const again = read(CreateFolder, { nodeId: rootId, name: "Folder", ...number });
      assert.equal(expect(await drive.createFolder(again, as(adaId))).name, "Folder (2)");
    });

    test("a copy and a move put away what has their name, if they are told to", async () => {
      await using house = await openDrive(open);
      const { rootId, made } = house;
      const [one, two] = [randomBytes(10), randomBytes(20)];
      const file = expect(await house.file(rootId, "file", one)).id;
      const folder = await made(rootId, "folder");
      const taken = expect(await house.file(folder, "File", two)).id;
      const to = { parentId: folder };
      assert.equal(outcomeOf(await house.copy(file, to)), "name-taken");
      assert.equal(outcomeOf(await house.copy(file, { ...to, ifTaken: "refuse" })), "name-taken");
      const copy = expect(await house.copy(file, { ...to, ifTaken: "replace" }));
      assert.ok((await house.bytesOf(copy.id)).equals(one));
      assert.deepEqual(await house.names(folder), ["file"]);

      assert.equal(outcomeOf(await house.move(file, to)), "name-taken");
      expect(await house.move(file, { ...to, ifTaken: "replace" }));
      assert.deepEqual(await house.names(folder), ["file"]);
      const trash = (await house.trashed()).items.map(({ id }) => id);
      assert.deepEqual(new Set(trash), new Set([copy.id, taken]));
      expect(await house.move(file, { name: "FILE", ifTaken: "replace" }));
      assert.deepEqual(await house.names(folder), ["FILE"]);
    });

    test("nothing is put away that a copy or a move is made of", async () => {
      await using house = await openDrive(open);
      const { rootId, made } = house;
      const outer = await made(rootId, "a");
      const inner = await made(outer, "a");
      const up = { parentId: rootId, ifTaken: "replace" };
      assert.equal(outcomeOf(await house.move(inner, up)), "node-cycle");
      assert.equal(outcomeOf(await house.copy(inner, up)), "node-cycle");
      assert.equal(outcomeOf(await house.copy(outer, { ifTaken: "replace" })), "node-cycle");
      assert.deepEqual(await house.names(rootId), ["a"]);
    });
  });
}
