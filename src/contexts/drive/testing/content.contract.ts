import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { expect, ok } from "#kernel/result.ts";
import { newId, steadyBytes } from "#test/values.ts";
import { NodeId } from "../domain/ids.ts";
import { Node } from "../domain/node.ts";
import { chunkBytes, cutAfter } from "../domain/chunking.ts";
import { ChunkLost, type Location } from "../application/ports/chunks.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { openDrive, outcomeOf, read, toldOf, type OpenDrive } from "./fixtures.ts";

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const mebibyte = 2 ** 20;

/** Counts the bytes that a drive keeps anew. */
function counted(open: OpenDrive) {
  const kept = { bytes: 0 };
  const opened: OpenDrive = async (clock) => {
    const subject = await open(clock);
    const { store } = subject;
    const put = (chunks: readonly Uint8Array[]) => {
      for (const { length } of chunks) kept.bytes += length;
      return store.put(chunks);
    };
    return { ...subject, store: { ...store, put } };
  };
  return { kept, opened };
}

/** Bytes that are one small chunk, also where they follow each other. */
function smallChunk(): Buffer {
  for (;;) {
    const bytes = randomBytes(chunkBytes.least + 1_024);
    const end = cutAfter(bytes, 0, false);
    if (end !== undefined) return bytes.subarray(0, end);
  }
}

/** Files hold what was given to them, on every adapter. */
export function contentContract(name: string, open: OpenDrive): void {
  describe(`the content of files on ${name}`, () => {
    for (const size of [0, 1, 16_384, 65_537, 3 * mebibyte, 9 * mebibyte + 1])
      test(`reads a file of ${size} bytes as it was written, whole and in part`, async () => {
        await using house = await openDrive(open);
        const bytes = randomBytes(size);
        const file = expect(await house.file(house.rootId, "file", bytes));
        const { content } = file;
        assert.deepEqual([content.size, content.hash], [size, sha256(bytes)]);
        assert.ok((await house.bytesOf(file.id)).equals(bytes));
        const [from, until] = [Math.floor(size / 3), Math.floor((2 * size) / 3)];
        const part = await house.bytesOf(file.id, from, until);
        assert.ok(part.equals(bytes.subarray(from, until)));
      });

    test("keeps a stale change beside the file where the caller asks for it", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const file = expect(await house.file(rootId, "notes.txt", Buffer.from("one"))).id;
      expect(await house.revise(file, 1, Buffer.from("two")));
      const copy = { ifStale: "copy" };
      const kept = expect(await house.revise(file, 1, Buffer.from("mine"), copy));
      const again = expect(await house.revise(file, 1, Buffer.from("ours"), copy));
      const moment = clock.now().slice(0, 19).replace("T", " ").replaceAll(":", ".");
      assert.deepEqual(await house.names(rootId), [
        `notes (conflicted copy ${moment} 2).txt`,
        `notes (conflicted copy ${moment}).txt`,
        "notes.txt",
      ]);
      assert.equal((await house.bytesOf(kept.id)).toString(), "mine");
      assert.equal((await house.bytesOf(again.id)).toString(), "ours");
      assert.equal((await house.bytesOf(file)).toString(), "two");
      const same = expect(await house.revise(file, 1, Buffer.from("two"), copy));
      assert.equal(same.id, file, "equal content is no conflict");
      const next = expect(await house.revise(file, 2, Buffer.from("three"), copy));
      assert.equal(next.id, file, "nor is a change of the newest revision");

      const bytes = Buffer.from("sent in chunks");
      const { upload } = expect(await house.beginRevision(file, 3, bytes, toldOf(bytes).manifest));
      expect(await house.send(upload.id, "0", bytes));
      expect(await house.revise(file, 3, Buffer.from("four")));
      assert.equal(outcomeOf(await house.commit(upload.id)), "stale-revision");
      const late = expect(await house.commit(upload.id, house.adaId, copy));
      assert.equal((await house.bytesOf(late.id)).toString(), "sent in chunks");
      assert.notEqual(late.id, file);
    });

    test("reads a file whose manifest has several pages as it was written", async () => {
      await using house = await openDrive(open);
      const block = smallChunk();
      const copies = 1_100;
      const bytes = Buffer.concat(Array.from({ length: copies }, () => block));
      const file = expect(await house.file(house.rootId, "many", bytes));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
      const border = 1_024 * block.length;
      for (const [from, until] of [
        [border - 3, border + 3],
        [border, border + 1],
        [border - 1, border],
      ] as const)
        assert.ok((await house.bytesOf(file.id, from, until)).equals(bytes.subarray(from, until)));
    });

    test("stores a known content once, and of an edit only the chunks around it", async () => {
      const { kept, opened } = counted(open);
      await using house = await openDrive(opened);
      const bytes = steadyBytes(4 * mebibyte);
      const file = expect(await house.file(house.rootId, "one", bytes));
      assert.equal(kept.bytes, bytes.length);
      expect(await house.file(house.rootId, "the same", bytes));
      assert.equal(kept.bytes, bytes.length);
      const edited = Buffer.concat([
        bytes.subarray(0, mebibyte),
        Buffer.from("!"),
        bytes.subarray(mebibyte),
      ]);
      expect(await house.revise(file.id, 1, edited));
      const fresh = kept.bytes - bytes.length;
      assert.ok(fresh > 0 && fresh <= 3 * 262_144, `${fresh} bytes are new`);
      assert.ok((await house.bytesOf(file.id)).equals(edited));
    });

    test("refuses a revision that is not based on the newest one", async () => {
      await using house = await openDrive(open);
      const text = (content: string) => Buffer.from(content);
      const file = expect(await house.file(house.rootId, "notes.txt", text("one")));
      const second = expect(await house.revise(file.id, 1, text("two")));
      assert.equal(second.content.revision, 2);
      const stale = await house.revise(file.id, 1, text("another two"));
      assert.ok(!stale.ok && stale.error.type === "stale-revision");
      assert.equal(stale.error.currentRevision, 2);
      const same = expect(await house.revise(file.id, 1, text("two")));
      assert.equal(same.content.revision, 2, "equal content never conflicts");
      const racing = await Promise.all(
        ["a", "b", "c"].map((one) => house.revise(file.id, 2, text(one))),
      );
      assert.deepEqual(racing.map(outcomeOf).toSorted(), [
        "ok",
        "stale-revision",
        "stale-revision",
      ]);
      const renamed = expect(await house.move(file.id, { name: "renamed.txt" }));
      assert.equal(outcomeOf(await house.revise(file.id, 3, text("four"))), "ok");
      assert.ok(renamed.version < expect(await house.seen(file.id)).node.version);
      const types = (await house.subject.events()).filter((type) => type.startsWith("drive.file"));
      const revised = Array.from({ length: 3 }, () => "drive.file-revised");
      assert.deepEqual(types, ["drive.file-created", ...revised]);
    });

    test("lists, reads and restores older revisions", async () => {
      await using house = await openDrive(open);
      const file = expect(await house.file(house.rootId, "notes.txt", Buffer.from("one")));
      for (const [i, text] of ["two", "three"].entries())
        expect(await house.revise(file.id, i + 1, Buffer.from(text)));
      const { items, nextCursor } = await house.revisions(file.id, { limit: 2 });
      assert.deepEqual(
        [items.map(({ revision, size }) => [revision, size]), nextCursor],
        [
          [
            [3, 5],
            [2, 3],
          ],
          2,
        ],
      );
      const rest = await house.revisions(file.id, { cursor: nextCursor });
      assert.deepEqual(
        rest.items.map(({ revision }) => revision),
        [1],
      );
      assert.equal(String(await house.bytesOf(file.id, 0, Infinity, 2)), "two");

      assert.equal(outcomeOf(await house.restoreRevision(file.id, 1, 2)), "stale-revision");
      assert.equal(outcomeOf(await house.restoreRevision(file.id, 9, 3)), "revision-not-found");
      const restored = expect(await house.restoreRevision(file.id, 1, 3));
      assert.equal(restored.content.revision, 4);
      assert.equal(String(await house.bytesOf(file.id)), "one");
      const same = expect(await house.restoreRevision(file.id, 4, 4));
      assert.equal(same.content.revision, 4, "the newest one is there already");
      assert.equal((await house.revisions(file.id)).items.length, 4);
    });

    test("refuses a taken name before the content arrives, and in a race", async () => {
      await using house = await openDrive(open);
      const { rootId } = house;
      const racing = await Promise.all(
        ["x", "X", "x"].map((one) => house.file(rootId, one, Buffer.from(one))),
      );
      assert.deepEqual(racing.map(outcomeOf).toSorted(), ["name-taken", "name-taken", "ok"]);
      const { kept, opened } = counted(open);
      await using other = await openDrive(opened);
      await other.made(other.rootId, "x");
      const refused = await other.file(other.rootId, "x", randomBytes(100));
      assert.equal(outcomeOf(refused), "name-taken");
      assert.equal(kept.bytes, 0);
    });

    test("creates one file for a repeated request, and refuses its key with another content", async () => {
      await using house = await openDrive(open);
      const { as, adaId, rootId } = house;
      const context = () => ({ ...as(adaId), idempotency: { key: "k", fingerprint: "f" } });
      const first = expect(await house.file(rootId, "a", Buffer.from("1"), { context: context() }));
      const repeated = expect(
        await house.file(rootId, "a", Buffer.from("1"), { context: context() }),
      );
      assert.equal(repeated.id, first.id);
      expect(await house.move(first.id, { name: "b" }));
      const again = expect(await house.file(rootId, "a", Buffer.from("1"), { context: context() }));
      assert.equal(again.id, first.id);
      assert.deepEqual(await house.names(rootId), ["b"]);
      await assert.rejects(
        house.file(rootId, "a", Buffer.from("2"), { context: context() }),
        /key/i,
      );
    });

    test("copies a file without its bytes, in whatever space the actor may change", async () => {
      await using house = await openDrive(open);
      const { drive, as, adaId, bobId, rootId, subject } = house;
      const bytes = randomBytes(300_000);
      const file = expect(await house.file(rootId, "a", randomBytes(10))).id;
      expect(await house.revise(file, 1, bytes));
      const kept = async () =>
        (await subject.store.segments()).reduce((sum, segment) => sum + segment.bytes, 0);
      const before = await kept();
      const copy = expect(await house.copy(file, { name: "b" }));
      assert.ok(copy.kind === "file");
      assert.deepEqual([copy.content.revision, copy.version], [1, 1]);
      assert.ok((await house.bytesOf(copy.id)).equals(bytes));
      const other = expect(await drive.openSpace(read(OpenSpace, { name: "Other" }), as(adaId)));
      const there = expect(await house.copy(file, { parentId: other.rootId }));
      assert.deepEqual([there.spaceId, there.name], [other.id, "a"]);
      assert.ok((await house.bytesOf(there.id)).equals(bytes));
      assert.equal(await kept(), before);

      const empty = expect(await house.file(rootId, "empty", Buffer.alloc(0))).id;
      assert.equal(
        (await house.bytesOf(expect(await house.copy(empty, { name: "c" })).id)).length,
        0,
      );

      assert.equal(outcomeOf(await house.copy(file)), "name-taken");
      assert.equal(outcomeOf(await house.copy(file, { parentId: copy.id })), "not-a-folder");
      assert.equal(outcomeOf(await house.copy(file, { name: "d" }, bobId)), "forbidden");
      expect(await house.trash(file));
      assert.ok((await house.bytesOf(expect(await house.copy(file)).id)).equals(bytes));
    });

    test("those who overwrite a file at the same time each make a revision", async () => {
      await using house = await openDrive(open);
      const { rootId, bobId } = house;
      const file = expect(await house.file(rootId, "a", Buffer.from("0"))).id;
      const bodies = Array.from({ length: 8 }, (_, i) => Buffer.from(`content ${i}`));
      const written = await Promise.all(bodies.map((bytes) => house.overwrite(file, bytes)));
      const revisions = written.map((one) => expect(one).content.revision);
      assert.deepEqual(new Set(revisions), new Set([2, 3, 4, 5, 6, 7, 8, 9]));
      const last = written.findIndex((one) => expect(one).content.revision === 9);
      assert.ok((await house.bytesOf(file)).equals(bodies[last] ?? Buffer.alloc(0)));
      const folder = await house.made(rootId, "folder");
      const none = Buffer.alloc(0);
      assert.equal(outcomeOf(await house.overwrite(folder, none)), "not-a-file");
      assert.equal(outcomeOf(await house.overwrite(file, none, bobId)), "forbidden");
      expect(await house.trash(file));
      assert.equal(outcomeOf(await house.overwrite(file, none)), "node-in-trash");
    });

    test("saves no copy of a file that is purged meanwhile", async () => {
      await using house = await openDrive(open);
      const { rootId, space, as, adaId } = house;
      const { id: nodeId, content } = expect(await house.file(rootId, "a", randomBytes(1_000)));
      expect(await house.trash(nodeId));
      const creation = { id: newId(NodeId), spaceId: space.id, createdAt: house.clock.now() };
      const copied = await house.subject.unitOfWork(as(adaId), async ({ nodes, revisions }) => {
        await house.purge(nodeId);
        const copy = nodes.save(
          Node.createFile({ ...creation, name: space.name }, rootId, content),
        );
        const facts = { ...copy.content, nodeId: copy.id, createdAt: copy.createdAt };
        revisions.copy([{ to: facts, from: { nodeId, revision: content.revision } }]);
        return ok(undefined);
      });
      assert.equal(outcomeOf(copied), "conflict");
      assert.deepEqual(await house.names(rootId), []);
    });

    test("never serves a damaged chunk, and repairs it with the next upload of its bytes", async () => {
      let damage = false;
      let puts = 0;
      const opened: OpenDrive = async (clock) => {
        const subject = await open(clock);
        const { store } = subject;
        const damaged = async (location: Location) => {
          const bytes = Buffer.from(await store.read(location));
          if (damage) bytes[7] = (bytes[7] ?? 0) ^ 1;
          return bytes;
        };
        const put = (chunks: readonly Uint8Array[]) => {
          puts += chunks.length;
          return store.put(chunks);
        };
        return { ...subject, store: { ...store, put, read: damaged } };
      };
      await using house = await openDrive(opened);
      const bytes = randomBytes(1_000);
      const file = expect(await house.file(house.rootId, "a", bytes));
      await house.bytesOf(file.id);
      damage = true;
      await assert.rejects(house.bytesOf(file.id), /is damaged: segment/);

      damage = false;
      expect(await house.file(house.rootId, "the same again", bytes));
      damage = true;
      await assert.rejects(house.bytesOf(file.id), /is damaged: segment/);
      assert.equal(puts, 2, "what is in doubt is kept anew");
      damage = false;
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
    });

    test("doubts the damaged chunk alone of those that are read together, and serves the others", async () => {
      const places: Location[] = [];
      let damaged: Location | undefined;
      const opened: OpenDrive = async (clock) => {
        const subject = await open(clock);
        const { store } = subject;
        const put = async (chunks: readonly Uint8Array[]) => {
          const put = await store.put(chunks);
          places.push(...put);
          return put;
        };
        const read = async (location: Location) => {
          const bytes = Buffer.from(await store.read(location));
          const at = damaged?.segment === location.segment ? damaged.offset - location.offset : -1;
          if (at >= 0 && at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ 1;
          return bytes;
        };
        return { ...subject, store: { ...store, put, read } };
      };
      await using house = await openDrive(opened);
      const bytes = randomBytes(900_000);
      const file = expect(await house.file(house.rootId, "a", bytes));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
      assert.ok(places.length > 5, `${places.length} chunks`);

      damaged = places[3];
      const before = places.slice(0, 3).reduce((sum, { size }) => sum + size, 0);
      const end = before + (damaged?.size ?? 0);
      const { bytes: bytesIn } = expect(
        await house.drive.readFile({ nodeId: file.id }, house.as(house.adaId)),
      );
      const come: Uint8Array[] = [];
      const reading = async () => {
        for await (const piece of bytesIn({ from: 0, until: bytes.length })) come.push(piece);
      };
      await assert.rejects(reading, (error: Error) =>
        error.message.endsWith(`segment ${damaged?.segment}, offset ${damaged?.offset}`),
      );
      assert.ok(Buffer.concat(come).equals(bytes.subarray(0, before)), "all before it has come");
      for (const [from, until] of [
        [5, before],
        [end, bytes.length - 5],
      ] as const)
        assert.ok((await house.bytesOf(file.id, from, until)).equals(bytes.subarray(from, until)));

      places.length = 0;
      expect(await house.file(house.rootId, "the same again", bytes));
      assert.equal(places.length, 1, "one chunk was in doubt");
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
    });

    test("reads chunks one by one where they cannot be read together", async () => {
      let isOff = false;
      const opened: OpenDrive = async (clock) => {
        const subject = await open(clock);
        const { store } = subject;
        const read = async (location: Location) => {
          if (isOff && location.size > chunkBytes.most) throw new ChunkLost("not together");
          return store.read(location);
        };
        return { ...subject, store: { ...store, read } };
      };
      await using house = await openDrive(opened);
      const bytes = randomBytes(900_000);
      const file = expect(await house.file(house.rootId, "a", bytes));
      isOff = true;
      const [from, until] = [70_001, 850_003];
      assert.ok((await house.bytesOf(file.id, from, until)).equals(bytes.subarray(from, until)));
    });

    test("leaves no file when an upload breaks off", async () => {
      await using house = await openDrive(open);
      const { drive, as, adaId, rootId } = house;
      const breaking = { receive: () => Promise.reject(new Error("the connection ended")) };
      const input = { nodeId: rootId, name: house.space.name, content: breaking };
      await assert.rejects(drive.createFile(input, as(adaId)), /the connection ended/);
      assert.deepEqual(await house.names(rootId), []);
    });
  });
}
