import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { steadyBytes } from "#test/values.ts";
import { expect, ok } from "#kernel/result.ts";
import { IdempotencyKeyReused } from "#platform/idempotency.ts";
import { deltaOf } from "../domain/delta.ts";
import { maxOpenUploads, uploadMs } from "../domain/upload.ts";
import type { Location } from "../application/ports/chunks.ts";
import { rangesOf } from "../application/uploads/receive-chunks.ts";
import { openDrive, outcomeOf, toldOf, type OpenDrive } from "./fixtures.ts";

const mebibyte = 2 ** 20;
const dayMs = 86_400_000;

type ToldBytes = ReturnType<typeof toldOf>;

/** The bytes of the chunks of a content from one position to another one. */
const bytesOf = ({ chunks }: ToldBytes, first = 0, last = chunks.length - 1) =>
  Buffer.concat(chunks.slice(first, last + 1).map(({ bytes }) => bytes));

/** Contents arrive chunk by chunk, on every adapter. */
export function uploadsContract(name: string, open: OpenDrive): void {
  describe(`uploads on ${name}`, () => {
    test("makes a file of chunks that came by several requests, in any order", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(3 * mebibyte));
      const [bytes, last] = [bytesOf(told), told.chunks.length - 1];
      const { upload, missing } = expect(await house.begin(house.rootId, bytes));
      assert.deepEqual(rangesOf(missing), [`0-${last}`]);
      const ends = Buffer.concat([bytesOf(told, last, last), bytesOf(told, 0, 1)]);
      expect(await house.send(upload.id, `${last},0-1`, ends));
      const left = expect(await house.progress(upload.id));
      assert.deepEqual(rangesOf(left.missing), [`2-${last - 1}`]);
      assert.equal(outcomeOf(await house.commit(upload.id)), "chunks-missing");
      expect(await house.send(upload.id, `2-${last - 1}`, bytesOf(told, 2, last - 1)));
      const file = expect(await house.commit(upload.id));
      assert.deepEqual([file.name, file.content.hash], ["sent", told.hash]);
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
      assert.deepEqual(expect(await house.commit(upload.id)), file, "asked again, it is the same");
      assert.equal(expect(await house.progress(upload.id)).upload.nodeId, file.id);
      assert.deepEqual(await house.names(house.rootId), ["sent"]);
    });

    test("asks of an edited content for the chunks around the edit alone", async () => {
      await using house = await openDrive(open);
      const bytes = steadyBytes(4 * mebibyte);
      const file = expect(await house.file(house.rootId, "one", bytes));
      const edited = Buffer.from(bytes);
      edited.writeUInt8(edited.readUInt8(mebibyte) ^ 1, mebibyte);
      const told = toldOf(edited);
      const parts = deltaOf(told.manifest, toldOf(bytes).manifest);
      assert.ok(parts.length <= 5, `${parts.length} parts`);
      const { upload, missing } = expect(await house.beginRevision(file.id, 1, edited, parts));
      assert.ok(missing.length <= 2, `${missing.length} chunks`);
      const some = missing.map(({ position }) => bytesOf(told, position, position));
      expect(await house.send(upload.id, rangesOf(missing).join(","), Buffer.concat(some)));
      const revised = expect(await house.commit(upload.id));
      assert.equal(revised.content.revision, 2);
      assert.ok((await house.bytesOf(file.id)).equals(edited));
      const delta = expect(await house.manifest(file.id, { base: 1 }));
      assert.deepEqual(delta, { revision: 2, parts });
      const whole = expect(await house.manifest(file.id, { revision: 2 }));
      assert.deepEqual(whole.parts, told.manifest);
    });

    test("asks for nothing where a file of the space has the content", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(2 * mebibyte);
      const nothing = { parts: [] };
      const before = await house.begin(house.rootId, bytes, nothing);
      assert.equal(outcomeOf(before), "content-unknown");
      expect(await house.file(house.rootId, "one", bytes));
      const { upload, missing } = expect(await house.begin(house.rootId, bytes, nothing));
      assert.deepEqual(missing, []);
      const file = expect(await house.commit(upload.id));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
      const empty = expect(await house.begin(house.rootId, Buffer.alloc(0), { name: "empty" }));
      assert.equal(expect(await house.commit(empty.upload.id)).content.size, 0);
    });

    test("knows no chunk of a content that the caller may not read", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(2 * mebibyte);
      const file = expect(await house.file(house.rootId, "secret", bytes));
      const theirs = expect(
        await house.drive.openSpace({ name: file.name }, house.as(house.bobId)),
      );
      const begin = (more: object) => house.begin(theirs.rootId, bytes, more, house.bobId);
      assert.equal(outcomeOf(await begin({ parts: [] })), "content-unknown");
      assert.equal(outcomeOf(await begin({ source: file.id })), "forbidden");
      const { upload, missing } = expect(await begin({}));
      const { length } = toldOf(bytes).chunks;
      assert.deepEqual(rangesOf(missing), [`0-${length - 1}`]);
      assert.equal(outcomeOf(await house.commit(upload.id, house.bobId)), "chunks-missing");
      for (const attempt of [
        house.progress(upload.id),
        house.commit(upload.id),
        house.cancel(upload.id),
        house.send(upload.id, "0", Buffer.from("?")),
      ])
        assert.equal(outcomeOf(await attempt), "forbidden");
    });

    test("copies parts of another file, which the caller may read", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(2 * mebibyte);
      const source = expect(await house.file(house.rootId, "one", bytes)).id;
      const longer = Buffer.concat([bytes, randomBytes(mebibyte)]);
      const told = toldOf(longer);
      const parts = deltaOf(told.manifest, toldOf(bytes).manifest);
      const { upload, missing } = expect(
        await house.begin(house.rootId, longer, { source, parts }),
      );
      const first = missing[0]?.position ?? 0;
      assert.ok(first > 10);
      expect(await house.send(upload.id, rangesOf(missing).join(","), bytesOf(told, first)));
      const file = expect(await house.commit(upload.id));
      assert.ok((await house.bytesOf(file.id)).equals(longer));
    });

    test("keeps what has come whole before a body breaks off", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(mebibyte));
      const last = told.chunks.length - 1;
      const { upload } = expect(await house.begin(house.rootId, bytesOf(told)));
      async function* broken() {
        yield bytesOf(told, 0, 3);
        yield bytesOf(told, 4, 4).subarray(0, 100);
        throw new Error("the connection is cut");
      }
      await assert.rejects(() => house.send(upload.id, `0-${last}`, broken()), /is cut/);
      assert.deepEqual(rangesOf(expect(await house.progress(upload.id)).missing), [`4-${last}`]);
      const short = await house.send(upload.id, `4-${last}`, bytesOf(told, 4, 5));
      assert.ok(!short.ok && short.error.type === "chunk-mismatch");
      assert.equal(short.error.position, 6);
      assert.deepEqual(rangesOf(expect(await house.progress(upload.id)).missing), [`6-${last}`]);
    });

    test("begun again with the same chunks, an upload goes on", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(mebibyte));
      const begin = (more: object = {}) => house.begin(house.rootId, bytesOf(told), more);
      const { upload } = expect(await begin());
      expect(await house.send(upload.id, "0-1", bytesOf(told, 0, 1)));
      const again = expect(await begin());
      assert.equal(again.upload.id, upload.id);
      assert.deepEqual(rangesOf(again.missing), [`2-${told.chunks.length - 1}`]);
      assert.notEqual(expect(await begin({ name: "another" })).upload.id, upload.id);
      const [first, second, ...more] = told.manifest;
      const parts = [second, first, ...more];
      const other = expect(await begin({ parts }));
      assert.notEqual(other.upload.id, upload.id);
      assert.equal(expect(await begin({ parts })).upload.id, other.upload.id);
      const sizes = told.manifest.map((one, i) => ({
        ...one,
        size: one.size + (i === 0 ? 1 : 0) - (i === 1 ? 1 : 0),
      }));
      assert.notEqual(expect(await begin({ parts: sizes })).upload.id, upload.id);
    });

    test("equal uploads that begin at once are one", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(1_000);
      const all = Array.from({ length: 10 }, () => house.begin(house.rootId, bytes));
      const ids = (await Promise.all(all)).map((one) => expect(one).upload.id);
      assert.equal(new Set(ids).size, 1);
    });

    test("a repeated request begins one upload, and other parts under its key are refused", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(mebibyte);
      const context = () => ({
        ...house.as(house.adaId),
        idempotency: { key: "k", fingerprint: "f" },
      });
      const begin = (parts = toldOf(bytes).manifest) =>
        house.begin(house.rootId, bytes, { parts }, context());
      const { upload } = expect(await begin());
      expect(await house.cancel(upload.id));
      assert.equal(expect(await begin()).upload.id, upload.id, "the first answer");
      const [first, second, ...more] = toldOf(bytes).manifest;
      assert.ok(first && second);
      await assert.rejects(() => begin([second, first, ...more]), IdempotencyKeyReused);
    });

    test("refuses bytes that are not those of the chunk, and chunks that nobody asked for", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(mebibyte));
      const { upload } = expect(await house.begin(house.rootId, bytesOf(told)));
      const other = Buffer.from(bytesOf(told, 0, 1));
      other.writeUInt8(other.readUInt8(other.length - 1) ^ 1, other.length - 1);
      const wrong = await house.send(upload.id, "0-1", other);
      assert.ok(!wrong.ok && wrong.error.type === "chunk-mismatch");
      assert.equal(wrong.error.position, 1);
      const long = Buffer.concat([bytesOf(told, 0, 0), Buffer.from("!")]);
      assert.equal(outcomeOf(await house.send(upload.id, "0", long)), "chunk-mismatch");
      const none = await house.send(upload.id, `${told.chunks.length}`, Buffer.from("!"));
      assert.equal(outcomeOf(none), "chunk-unwanted");
      assert.equal(outcomeOf(await house.send(upload.id, "0-9999", other)), "too-many-chunks");
    });

    test("refuses a content that is another one than was said", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(mebibyte));
      const [first, second, ...more] = told.chunks;
      assert.ok(first && second);
      const chunks = [second, first, ...more];
      const parts = chunks.map(({ hash, size }) => ({ hash, size }));
      const begun = house.begin(house.rootId, bytesOf(told), { parts });
      const { upload, missing } = expect(await begun);
      const bytes = Buffer.concat(chunks.map((chunk) => chunk.bytes));
      expect(await house.send(upload.id, rangesOf(missing).join(","), bytes));
      assert.equal(outcomeOf(await house.commit(upload.id)), "content-mismatch");
      assert.deepEqual(await house.names(house.rootId), []);
    });

    test("refuses parts that are no content", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(mebibyte);
      const source = expect(await house.file(house.rootId, "one", bytes)).id;
      const [first = { hash: "", size: 0 }] = toldOf(bytes).manifest;
      const { length } = bytes;
      const reasons: unknown[] = [];
      for (const parts of [
        [{ from: 1, until: length }],
        [{ from: 0, until: 17 }],
        [{ from: 0, until: length + 1 }],
        [{ from: first.size, until: 0 }],
        [{ from: 0, until: 0 }],
        [{ from: 0, until: first.size }],
        [
          { ...first, size: 1 },
          { from: 0, until: length },
        ],
        [{ ...first, size: 1_000_000 }],
        Array.from({ length: 20 }, () => ({ ...first, size: 1 })),
        Array.from({ length: 33_000 }, () => ({ ...first, size: 262_144 })),
      ]) {
        const begun = await house.begin(house.rootId, bytes, { source, parts });
        reasons.push(!begun.ok && begun.error.type === "parts-invalid" && begun.error.reason);
      }
      assert.deepEqual(reasons, [
        ...Array.from({ length: 5 }, () => "no-chunk-border"),
        "other-size",
        "chunk-size",
        "chunk-size",
        "chunk-size",
        "too-large",
      ]);
    });

    test("refuses a revision that is not based on the newest one, when it begins and when it ends", async () => {
      await using house = await openDrive(open);
      const [one, two] = [randomBytes(100), randomBytes(100)];
      const { id } = expect(await house.file(house.rootId, "one", one));
      const { manifest } = toldOf(two);
      const { upload } = expect(await house.beginRevision(id, 1, two, manifest));
      expect(await house.send(upload.id, "0", two));
      expect(await house.revise(id, 1, randomBytes(100)));
      const late = await house.commit(upload.id);
      assert.ok(!late.ok && late.error.type === "stale-revision");
      assert.equal(late.error.currentRevision, 2);
      const stale = await house.beginRevision(id, 1, two, manifest);
      assert.equal(outcomeOf(stale), "stale-revision");
      assert.equal(outcomeOf(await house.begin(house.rootId, two, { name: "ONE" })), "name-taken");
    });

    test("two commits at once make one file", async () => {
      await using house = await openDrive(open);
      const bytes = randomBytes(1_000);
      const { upload } = expect(await house.begin(house.rootId, bytes));
      expect(await house.send(upload.id, "0", bytes));
      const both = await Promise.all([house.commit(upload.id), house.commit(upload.id)]);
      assert.ok(both.some(({ ok: isDone }) => isDone));
      assert.ok(
        both.every((one) => one.ok || one.error.type === "conflict"),
        outcomeOf(both[1]),
      );
      assert.deepEqual(await house.names(house.rootId), ["sent"]);
    });

    test("examines so many contents of one owner at once, and refuses more for a while", async () => {
      const gate = Promise.withResolvers<void>();
      const slow: OpenDrive = async (clock) => {
        const subject = await open(clock);
        const { store } = subject;
        const late = (location: Location) => gate.promise.then(() => store.read(location));
        return { ...subject, store: { ...store, read: late } };
      };
      await using house = await openDrive(slow);
      const bytes = randomBytes(1_000);
      const { upload } = expect(await house.begin(house.rootId, bytes));
      expect(await house.send(upload.id, "0", bytes));
      const commits = Array.from({ length: 5 }, () => house.commit(upload.id));
      assert.equal(outcomeOf(await Promise.race(commits)), "too-busy");
      gate.resolve();
      const outcomes = (await Promise.all(commits)).map(outcomeOf);
      assert.deepEqual(outcomes.toSorted(), ["ok", "ok", "ok", "ok", "too-busy"]);
    });

    test("asks again for a chunk that is damaged where it was known", async () => {
      await using house = await openDrive(open);
      const told = toldOf(randomBytes(mebibyte));
      const bytes = bytesOf(told);
      expect(await house.file(house.rootId, "one", bytes));
      const { upload } = expect(await house.begin(house.rootId, bytes, { parts: [] }));
      const hash = told.chunks[2]?.hash;
      assert.ok(hash);
      const places = await house.subject.read(house.as("system"), ({ chunks }) =>
        chunks.located([hash]),
      );
      const place = places.get(hash) as Location;
      const doubt = house.subject.unitOfWork(house.as("system"), async ({ chunks }) =>
        ok(chunks.doubt(hash, place)),
      );
      expect(await doubt);
      assert.equal(outcomeOf(await house.commit(upload.id)), "chunks-missing");
      const { missing } = expect(await house.progress(upload.id));
      assert.deepEqual(rangesOf(missing), ["2"]);
      expect(await house.send(upload.id, "2", bytesOf(told, 2, 2)));
      assert.equal(outcomeOf(await house.commit(upload.id)), "ok");
    });

    test("an upload goes on for days while garbage is collected, and then is gone", async () => {
      await using house = await openDrive(open);
      const collect = () => house.drive.collectChunks({}, house.as("system"));
      const told = toldOf(randomBytes(mebibyte));
      const last = told.chunks.length - 1;
      const source = expect(await house.file(house.rootId, "one", bytesOf(told, 0, 3)));
      const { upload } = expect(
        await house.begin(house.rootId, bytesOf(told), {
          source: source.id,
          parts: [{ from: 0, until: source.content.size }, ...told.manifest.slice(4)],
        }),
      );
      expect(await house.send(upload.id, "4-6", bytesOf(told, 4, 6)));
      expect(await house.trash(source.id));
      expect(await house.purge(source.id));
      house.clock.advance(3 * dayMs);
      expect(await collect());
      expect(await collect());
      expect(await house.send(upload.id, `7-${last}`, bytesOf(told, 7, last)));
      const file = expect(await house.commit(upload.id));
      assert.ok((await house.bytesOf(file.id)).equals(bytesOf(told)));
      const another = expect(
        await house.begin(house.rootId, randomBytes(mebibyte), { name: "another" }),
      );
      house.clock.advance(uploadMs);
      assert.equal(outcomeOf(await house.progress(another.upload.id)), "upload-not-found");
      expect(await collect());
      const next = await house.subject.read(house.as("system"), ({ uploads }) =>
        uploads.next(undefined),
      );
      assert.equal(next, undefined);
    });

    test("limits the uploads that are open, and takes them back", async () => {
      await using house = await openDrive(open);
      const begin = (i: number) =>
        house.begin(house.rootId, Buffer.from([i]), { name: `file ${i}` });
      const ids: string[] = [];
      for (let i = 0; i < maxOpenUploads; i += 1) ids.push(expect(await begin(i)).upload.id);
      assert.equal(outcomeOf(await begin(maxOpenUploads)), "too-many-uploads");
      expect(await house.cancel(ids[0] ?? ""));
      assert.equal(outcomeOf(await house.progress(ids[0] ?? "")), "upload-not-found");
      assert.equal(outcomeOf(await begin(maxOpenUploads)), "ok");
    });

    test("erases uploads together with their owner", async () => {
      await using house = await openDrive(open);
      expect(await house.begin(house.rootId, randomBytes(1_000), { name: "Ada's plan" }));
      const { unitOfWork, read } = house.subject;
      const erase = unitOfWork(house.as("system"), async ({ personalData }) => {
        await personalData.erase(house.adaId);
        return ok(undefined);
      });
      expect(await erase);
      assert.equal(
        await read(house.as("system"), ({ uploads }) => uploads.next(undefined)),
        undefined,
      );
    });
  });
}
