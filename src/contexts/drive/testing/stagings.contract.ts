import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { describe, test } from "node:test";
import { steadyBytes } from "#test/values.ts";
import { expect } from "#kernel/result.ts";
import type { StagingId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";
import { maxOpenStagings, maxPieces, stagingMs } from "../domain/staging.ts";
import type { KeptFile } from "../application/content/receive-content.ts";
import { graceMs } from "../application/collection/collect-chunks.ts";
import { openDrive, outcomeOf, piecesOf, type OpenDrive } from "./fixtures.ts";

const mebibyte = 2 ** 20;
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");

/** What a client does that puts a content together. */
async function stagingHouse(open: OpenDrive, quotaBytes?: number) {
  const house = await openDrive(open, quotaBytes);
  const { drive, as, adaId } = house;
  const by = (actor: string = adaId) => as(actor);
  return {
    ...house,
    begin: async (length?: number, actor?: string) =>
      drive.beginStaging({ length, note: "a note" }, by(actor)),
    async begun(length?: number) {
      return expect(await drive.beginStaging({ length, note: "a note" }, by())).id;
    },
    stage: (
      stagingId: StagingId,
      at: { offset: number } | { number: number },
      bytes: Uint8Array | AsyncIterable<Uint8Array>,
      { isWhole = false, actor = adaId }: { isWhole?: boolean; actor?: string } = {},
    ) =>
      drive.stageBytes(
        {
          stagingId,
          placing: "offset" in at ? { ...at, isWhole } : at,
          bytes: bytes instanceof Uint8Array ? piecesOf(bytes, 10_007) : bytes,
        },
        by(actor),
      ),
    state: (stagingId: StagingId, actor?: string) => drive.getStaging({ stagingId }, by(actor)),
    seal: (stagingId: StagingId, actor?: string) => drive.sealStaging({ stagingId }, by(actor)),
    keep: (content: KeptFile, name: string, more: object = {}) =>
      drive.createFile({ nodeId: house.rootId, name: name as NodeName, content, ...more }, by()),
  };
}

async function* broken(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield* piecesOf(bytes, 10_007);
  throw new Error("the connection is cut");
}

/** Contents are put together of pieces, on every adapter. */
export function stagingsContract(name: string, open: OpenDrive): void {
  describe(`stagings on ${name}`, () => {
    test("makes a file of bytes that came by several requests", async () => {
      await using house = await stagingHouse(open);
      const bytes = randomBytes(3 * mebibyte);
      const id = await house.begun(bytes.length);
      const first = expect(await house.stage(id, { offset: 0 }, bytes.subarray(0, mebibyte)));
      assert.deepEqual([first.bytes, first.pieces], [mebibyte, 1]);
      assert.equal(first.hash, sha256(bytes.subarray(0, mebibyte)));
      const early = await house.seal(id);
      assert.deepEqual(early.ok || early.error, {
        type: "length-mismatch",
        length: bytes.length,
        bytes: mebibyte,
      });
      const cut = broken(bytes.subarray(mebibyte, mebibyte + 9));
      await assert.rejects(() => house.stage(id, { offset: mebibyte }, cut), /is cut/);
      const { bytes: there } = expect(await house.state(id));
      expect(await house.stage(id, { offset: there }, bytes.subarray(there)));
      const content = expect(await house.seal(id));
      assert.equal(content.kept.hash, sha256(bytes));
      const file = expect(await house.keep(content, "whole"));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
      const settled = expect(await house.state(id));
      assert.deepEqual(
        [settled.nodeId, settled.length, settled.pieces, settled.note],
        [file.id, bytes.length, 0, "a note"],
      );
      assert.equal(outcomeOf(await house.seal(id)), "staging-sealed");
      assert.equal(outcomeOf(await house.keep(content, "again")), "conflict");
      assert.deepEqual(await house.names(house.rootId), ["whole"]);
    });

    test("gives a file another content, and a content of one request keeps its hash", async () => {
      await using house = await stagingHouse(open);
      const file = expect(await house.file(house.rootId, "one", Buffer.from("old")));
      const bytes = steadyBytes(mebibyte);
      const id = await house.begun();
      expect(await house.stage(id, { offset: 0 }, bytes));
      const { kept, stagingId } = expect(await house.seal(id));
      const content = { kept, stagingId };
      const revised = expect(
        await house.drive.overwriteFile({ nodeId: file.id, content }, house.as(house.adaId)),
      );
      assert.deepEqual([revised.content.revision, revised.content.hash], [2, sha256(bytes)]);
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
    });

    test("makes an empty file of nothing", async () => {
      await using house = await stagingHouse(open);
      const file = expect(await house.keep(expect(await house.seal(await house.begun(0))), "none"));
      assert.deepEqual([file.content.size, file.content.hash], [0, sha256(Buffer.alloc(0))]);
    });

    test("refuses bytes that do not begin where those before them end", async () => {
      await using house = await stagingHouse(open);
      const id = await house.begun(10);
      expect(await house.stage(id, { offset: 0 }, Buffer.from("12345")));
      const wrong = await house.stage(id, { offset: 0 }, Buffer.from("67890"));
      assert.deepEqual(wrong.ok || wrong.error, { type: "offset-mismatch", offset: 5 });
      const long = await house.stage(id, { offset: 5 }, Buffer.from("678901"));
      assert.equal(outcomeOf(long), "length-mismatch");
      const both = await Promise.all(
        ["67890", "abcde"].map((text) => house.stage(id, { offset: 5 }, Buffer.from(text))),
      );
      assert.deepEqual(both.map(outcomeOf).toSorted(), ["offset-mismatch", "ok"]);
    });

    test("keeps what came before a connection broke, unless it is to be whole", async () => {
      await using house = await stagingHouse(open);
      const bytes = randomBytes(300_000);
      const id = await house.begun(bytes.length);
      const some = bytes.subarray(0, 200_000);
      const stage = (at: number, isWhole: boolean) =>
        house.stage(id, { offset: at }, broken(some.subarray(at)), { isWhole });
      await assert.rejects(() => stage(0, true), /is cut/);
      assert.equal(expect(await house.state(id)).bytes, 0);
      await assert.rejects(() => stage(0, false), /is cut/);
      assert.equal(expect(await house.state(id)).bytes, some.length);
      expect(await house.stage(id, { offset: some.length }, bytes.subarray(some.length)));
      const file = expect(await house.keep(expect(await house.seal(id)), "mended"));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
    });

    test("puts numbered pieces together in their order; one that comes again replaces the first", async () => {
      await using house = await stagingHouse(open);
      const id = await house.begun();
      for (const [number, text] of [
        [3, "c"],
        [1, "?"],
        [2, "b"],
        [1, "a"],
      ] as const)
        expect(await house.stage(id, { number }, Buffer.from(text)));
      const content = expect(await house.seal(id));
      assert.equal(
        outcomeOf(await house.stage(id, { number: 4 }, Buffer.from("d"))),
        "staging-sealed",
      );
      const file = expect(await house.keep(content, "abc"));
      assert.equal((await house.bytesOf(file.id)).toString(), "abc");
    });

    test("knows the digest of pieces that come at once", async () => {
      await using house = await stagingHouse(open);
      const id = await house.begun();
      const texts = ["a", "b", "c", "d"];
      const sent = texts.map((text, number) => house.stage(id, { number }, Buffer.from(text)));
      for (const one of await Promise.all(sent)) expect(one);
      assert.equal(expect(await house.seal(id)).kept.hash, sha256(Buffer.from("abcd")));
    });

    test("gives each of many files of one name that are made at once a name of its own", async () => {
      await using house = await stagingHouse(open);
      const more = { ifTaken: "number" };
      for (const name of ["a", "b", "c", "d", "e", "f"]) {
        const made = await Promise.all(
          Array.from({ length: 14 }, () => house.file(house.rootId, name, Buffer.from(name), more)),
        );
        assert.equal(new Set(made.map((one) => expect(one).name)).size, made.length);
      }
    });

    test("puts a content together of others", async () => {
      await using house = await stagingHouse(open);
      const [one, two] = [await house.begun(6), await house.begun(5)];
      expect(await house.stage(one, { offset: 0 }, Buffer.from("first ")));
      expect(await house.stage(two, { offset: 0 }, Buffer.from("s")));
      const join = (stagingIds: readonly StagingId[], actor = house.adaId) =>
        house.drive.joinStagings({ stagingIds, note: "" }, house.as(actor));
      assert.equal(outcomeOf(await join([one, two])), "staging-unfinished");
      expect(await house.stage(two, { offset: 1 }, Buffer.from("econ")));
      assert.equal(outcomeOf(await join([one, two], house.bobId)), "staging-not-found");
      const joined = expect(await join([one, two, one]));
      assert.equal(joined.bytes, 17);
      const file = expect(await house.keep(expect(await house.seal(joined.id)), "joined"));
      assert.equal((await house.bytesOf(file.id)).toString(), "first seconfirst ");
    });

    test("makes one file of a content, however many ask at once", async () => {
      await using house = await stagingHouse(open);
      const id = await house.begun();
      expect(await house.stage(id, { offset: 0 }, Buffer.from("once")));
      const content = expect(await house.seal(id));
      const all = Array.from({ length: 8 }, (_, i) => house.keep(content, `file ${i}`));
      const outcomes = (await Promise.all(all)).map(outcomeOf);
      assert.equal(outcomes.filter((one) => one === "ok").length, 1, outcomes.join());
      assert.equal((await house.names(house.rootId)).length, 1);
    });

    test("gives a file another name where its own is taken, if that is asked for", async () => {
      await using house = await stagingHouse(open);
      expect(await house.file(house.rootId, "photo.jpg", Buffer.from("1")));
      const id = await house.begun();
      expect(await house.stage(id, { offset: 0 }, Buffer.from("2")));
      const content = expect(await house.seal(id));
      assert.equal(outcomeOf(await house.keep(content, "photo.jpg")), "name-taken");
      const file = expect(await house.keep(content, "photo.jpg", { ifTaken: "number" }));
      assert.equal(file.name, "photo (2).jpg");
    });

    test("makes a new file the next revision of the one that has its name, if that is asked for", async () => {
      await using house = await stagingHouse(open);
      const first = expect(await house.file(house.rootId, "Note.txt", Buffer.from("1")));
      const replace = (name: string, bytes: string) =>
        house.file(house.rootId, name, Buffer.from(bytes), { ifTaken: "replace" });
      const both = await Promise.all([replace("note.TXT", "2"), replace("note.TXT", "3")]);
      assert.deepEqual(
        both.map((one) => expect(one).id),
        [first.id, first.id],
      );
      assert.deepEqual(await house.names(house.rootId), ["Note.txt"]);
      assert.equal((await house.revisions(first.id)).items.length, 3);
      expect(await house.folder(house.rootId, "folder"));
      assert.equal(outcomeOf(await replace("folder", "4")), "name-taken");
    });

    test("nobody else sees a content that is put together, and it ends", async () => {
      await using house = await stagingHouse(open);
      const id = await house.begun();
      for (const attempt of [
        house.state(id, house.bobId),
        house.stage(id, { offset: 0 }, Buffer.from("?"), { actor: house.bobId }),
        house.seal(id, house.bobId),
        house.drive.tellStagingLength({ stagingId: id, length: 1 }, house.as(house.bobId)),
      ])
        assert.equal(outcomeOf(await attempt), "staging-not-found");
      const discard = (actor: string) =>
        house.drive.discardStaging({ stagingId: id }, house.as(actor));
      assert.equal(outcomeOf(await discard(house.bobId)), "forbidden");
      expect(await discard(house.adaId));
      assert.equal(outcomeOf(await discard(house.adaId)), "staging-not-found");
      assert.equal(outcomeOf(await house.state(id)), "staging-not-found");
      const other = await house.begun();
      house.clock.advance(stagingMs);
      assert.equal(outcomeOf(await house.state(other)), "staging-not-found");
    });

    test("lists what its owner has begun and no file has yet, and tells how many bytes that is", async () => {
      await using house = await stagingHouse(open);
      const { drive, as, adaId, bobId } = house;
      const listed = async (actor: string = adaId) =>
        expect(await drive.listStagings({}, as(actor))).map(({ id, bytes, length }) => [
          id,
          bytes,
          length,
        ]);
      const staged = async (actor: string = adaId) =>
        expect(await drive.getUsage({}, as(actor))).stagedBytes;
      const [one, two] = [await house.begun(5), await house.begun()];
      house.clock.advance(stagingMs - 1);
      const three = await house.begun(3);
      expect(await house.stage(two, { offset: 0 }, Buffer.from("1234567")));
      expect(await house.stage(three, { offset: 0 }, Buffer.from("123")));
      assert.deepEqual(await listed(), [
        [one, 0, 5],
        [two, 7, undefined],
        [three, 3, 3],
      ]);
      assert.equal(await staged(), 10);
      assert.deepEqual([await listed(bobId), await staged(bobId)], [[], 0]);

      expect(await house.keep(expect(await house.seal(three)), "three"));
      assert.deepEqual(await listed(), [
        [one, 0, 5],
        [two, 7, undefined],
      ]);
      expect(await drive.discardStaging({ stagingId: one }, as(adaId)));
      house.clock.advance(1);
      assert.deepEqual([await listed(), await staged()], [[], 0], "the others have expired");
    });

    test("limits what a user holds, also where pieces come at once", async () => {
      await using house = await stagingHouse(open, 100_000);
      const id = await house.begun();
      expect(await house.stage(id, { offset: 0 }, randomBytes(60_000)));
      const second = await house.begun();
      const over = await house.stage(second, { offset: 0 }, randomBytes(60_000));
      assert.equal(outcomeOf(over), "quota-exceeded");
      const [three, four] = [await house.begun(), await house.begun()];
      const both = await Promise.all(
        [three, four].map((one) => house.stage(one, { offset: 0 }, randomBytes(30_000))),
      );
      assert.deepEqual(both.map(outcomeOf).toSorted(), ["ok", "quota-exceeded"]);
      const numbered = await house.begun();
      for (let i = 0; i < 5; i += 1)
        expect(await house.stage(numbered, { number: 1 }, randomBytes(9_000)));
      assert.equal(expect(await house.state(numbered)).bytes, 9_000);
    });

    test("limits how many a user begins", async () => {
      await using house = await stagingHouse(open);
      const begun = Array.from({ length: maxOpenStagings + 2 }, () => house.begin());
      const outcomes = (await Promise.all(begun)).map(outcomeOf);
      assert.equal(outcomes.filter((one) => one === "too-many-stagings").length, 2);
      assert.ok(maxPieces >= 1_000);
    });

    test("keeps chunks of pieces, which are collected once the content is given up", async () => {
      await using house = await stagingHouse(open);
      const bytes = randomBytes(300_000);
      const [kept, given] = [await house.begun(), await house.begun()];
      expect(await house.stage(kept, { offset: 0 }, bytes));
      expect(await house.stage(given, { offset: 0 }, randomBytes(300_000)));
      house.clock.advance(2 * graceMs);
      const collect = () => house.drive.collectChunks({}, house.as("system"));
      assert.equal(expect(await collect()).chunks, 0);
      expect(await house.drive.discardStaging({ stagingId: given }, house.as(house.adaId)));
      assert.ok(expect(await collect()).chunks > 0);
      const file = expect(await house.keep(expect(await house.seal(kept)), "kept"));
      assert.ok((await house.bytesOf(file.id)).equals(bytes));
    });
  });
}
