import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdir, stat, utimes } from "node:fs/promises";
import { after, before, describe, test } from "node:test";
import fc from "fast-check";
import {
  acts,
  areSame,
  counted,
  openSyncing,
  perform,
  textsOf,
  type Machine,
  type Syncing,
} from "#test/sync-machines.ts";
import { steadyBytes } from "#test/values.ts";
import type { Server } from "../../src/contexts/drive/client/server.ts";
import { syncFolder } from "../../src/contexts/drive/client/sync.ts";
import { systemClock as clock } from "../../src/platform/system.ts";

const mebibyte = 2 ** 20;

describe("two machines that sync a folder", () => {
  let syncing: Syncing;
  before(async () => {
    syncing = await openSyncing();
  });
  after(() => syncing[Symbol.asyncDispose]());

  test("files and folders come to the other machine, small ones and large ones", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    await here.write("notes.txt", "one");
    await here.write("empty", "");
    await here.write("photos/2026/large.bin", randomBytes(3 * mebibyte));
    await mkdir(here.at("nothing in it"));
    const sent = await here.sync();
    assert.equal(sent.skipped.size, 0);
    assert.deepEqual(sent.sent.toSorted(), [
      "empty",
      "notes.txt",
      "nothing in it",
      "photos",
      "photos/2026",
      "photos/2026/large.bin",
    ]);
    await there.sync();
    await areSame(here, there);
    const again = await here.sync();
    assert.deepEqual([again.sent, again.received], [[], []]);
  });

  test("many small files are sent together, and those that cannot be are sent one by one", async () => {
    await using house = await syncing.two();
    const { here, there, paired } = house;
    const names = Array.from({ length: 40 }, (_, n) => `${n % 3}/file ${n}`);
    for (const name of names) await here.write(name, name);
    await here.write("large", randomBytes(mebibyte));
    await here.write("1/nul.txt", "no server takes the name");
    await there.write("0/file 0", "mine");
    await there.sync();
    const { moved, server } = counted(syncing.server);
    const report = await syncFolder({ server, root: here.root, pairing: paired, clock });
    assert.ok(moved.requests < names.length, `${moved.requests} requests`);
    assert.deepEqual([...report.skipped.keys()], ["1/nul.txt"]);
    assert.equal(report.conflicts.length, 1, "the file that the other machine had sent is kept");
    await there.sync();
    for (const name of names.slice(1)) assert.equal(await there.text(name), name);
    assert.equal(await there.text("0/file 0"), "mine");
    const again = await here.sync();
    assert.deepEqual([again.sent, again.received], [[], []]);
  });

  test("files keep the times at which they were last changed", async () => {
    await using house = await syncing.two();
    const { here, there, both } = house;
    const names = ["small", "large", ...Array.from({ length: 10 }, (_, n) => `batch/${n}`)];
    for (const name of names)
      await here.write(name, name === "large" ? randomBytes(mebibyte) : name);
    const [then, later] = [new Date("2001-02-03T04:05:06.789Z"), new Date("2039-01-01T00:00:00Z")];
    for (const name of names) await utimes(here.at(name), new Date(), then);
    await both();
    for (const name of names) assert.deepEqual((await stat(there.at(name))).mtime, then, name);
    await there.write("small", "edited");
    await utimes(there.at("small"), new Date(), later);
    await both();
    assert.equal(await here.text("small"), "edited");
    assert.deepEqual((await stat(here.at("small"))).mtime, later);
    const again = await here.sync();
    assert.deepEqual([again.sent, again.received], [[], []]);
  });

  test("edits, renames, moves and deletions go both ways", async () => {
    await using house = await syncing.two();
    const { here, there, both } = house;
    await here.write("a/one.txt", "one");
    await here.write("a/two.txt", "two");
    await here.write("b/three.txt", "three");
    await here.write("four.txt", "four");
    await both();
    await here.write("a/one.txt", "one, edited here");
    await here.move("a/two.txt", "b/zwei.txt");
    await there.write("four.txt", "four, edited there");
    await there.remove("b/three.txt");
    await both();
    await areSame(here, there);
    assert.deepEqual(await here.tree(), ["a", "a/one.txt", "b", "b/zwei.txt", "four.txt"]);
    assert.equal(await here.text("four.txt"), "four, edited there");
    await here.move("a", "c");
    await there.write("b/deep/er/five.txt", "five");
    await there.move("b", "d");
    await both();
    await areSame(here, there);
    assert.deepEqual(await here.tree(), [
      "c",
      "c/one.txt",
      "d",
      "d/deep",
      "d/deep/er",
      "d/deep/er/five.txt",
      "d/zwei.txt",
      "four.txt",
    ]);
    await there.remove("d");
    await here.move("c/one.txt", "four.tmp");
    await here.move("four.txt", "c/one.txt");
    await here.move("four.tmp", "four.txt");
    await both();
    await areSame(here, there);
    assert.equal(await there.text("four.txt"), "one, edited here");
    assert.equal(await there.text("c/one.txt"), "four, edited there");
  });

  test("names change hands", async () => {
    await using house = await syncing.two();
    const { here, there, both } = house;
    await here.write("a", "was a");
    await here.write("b", "was b");
    await both();
    await here.move("a", "x");
    await here.move("b", "a");
    await here.move("x", "b");
    await both();
    await areSame(here, there);
    assert.deepEqual([await there.text("a"), await there.text("b")], ["was b", "was a"]);
    assert.deepEqual(await there.tree(), ["a", "b"]);
  });

  test("no edit is lost: a file that was changed on both is kept twice, and an edit outlives a deletion", async () => {
    await using house = await syncing.two();
    const { here, there, both } = house;
    await here.write("both.txt", "zero");
    await here.write("same.txt", "zero");
    await here.write("gone.txt", "zero");
    await here.write("folder/inner.txt", "zero");
    await both();
    await here.write("both.txt", "edited here");
    await there.write("both.txt", "edited there too");
    await here.write("same.txt", "the same edit");
    await there.write("same.txt", "the same edit");
    await here.remove("gone.txt");
    await there.write("gone.txt", "edited, not gone");
    await here.remove("folder");
    await there.write("folder/new.txt", "new");
    await here.write("new.txt", "new here");
    await there.write("new.txt", "new there, and longer");
    await here.sync();
    const { conflicts } = await there.sync();
    await here.sync();
    await there.sync();
    await areSame(here, there);
    assert.equal(conflicts.length, 2);
    const tree = await here.tree();
    const texts = await Promise.all(
      tree.filter((one) => one.endsWith(".txt")).map((one) => here.text(one)),
    );
    assert.deepEqual(texts.toSorted(), [
      "edited here",
      "edited there too",
      "edited, not gone",
      "new",
      "new here",
      "new there, and longer",
      "the same edit",
    ]);
    assert.ok(
      tree.some((one) => /^both \(conflicted copy .*\)\.txt$/.test(one)),
      tree.join(),
    );
  });

  test("an edit of one byte moves little, and the same file again next to nothing", async () => {
    await using house = await syncing.two();
    const { here, there, paired } = house;
    const bytes = steadyBytes(16 * mebibyte);
    await here.write("large.bin", bytes);
    await here.sync();
    await there.sync();
    bytes.writeUInt8(bytes.readUInt8(5 * mebibyte) ^ 1, 5 * mebibyte);
    await here.write("large.bin", bytes);
    const [up, down] = [counted(syncing.server), counted(syncing.server)];
    const syncOn = (by: Server, { root }: Machine) =>
      syncFolder({ server: by, root, pairing: paired, clock });
    await syncOn(up.server, here);
    await syncOn(down.server, there);
    await areSame(here, there);
    const most = 2 * 262_144 + 16_384;
    assert.ok(up.moved.sent < most, `sent ${up.moved.sent} bytes`);
    assert.ok(down.moved.received < most, `received ${down.moved.received} bytes`);
    const same = counted(syncing.server);
    await here.write("copy.bin", bytes);
    await syncOn(same.server, here);
    assert.ok(same.moved.sent < 4_096, `sent ${same.moved.sent} bytes`);
    const idle = counted(syncing.server);
    await syncOn(idle.server, here);
    assert.equal(idle.moved.requests, 1, "a sync without changes is one request");
  });

  test("whatever two machines do, they become the same, and no text that somebody wrote is lost", async () => {
    const names = ["a", "b", "c", "d/a", "d/b", "e", "e/f/a"];
    const name = fc.constantFrom(...names);
    const act = fc.record({ by: fc.boolean(), name, to: name, what: fc.constantFrom(...acts) });
    await fc.assert(
      fc.asyncProperty(fc.array(act, { minLength: 4, maxLength: 24 }), async (done) => {
        await using house = await syncing.two();
        const { here, there } = house;
        const written = new Set<string>();
        for (const [i, { by, ...one }] of done.entries())
          await perform(by ? here : there, { ...one, text: `text ${i}`, written });
        for (let i = 0; i < 4; i += 1) for (const one of [here, there]) await one.sync();
        await areSame(here, there);
        const left = await textsOf(here);
        for (const text of written) assert.ok(left.has(text), `${text} is lost`);
        const { sent, received } = await here.sync();
        assert.deepEqual([sent, received], [[], []]);
      }),
      { numRuns: 25, endOnFailure: false },
    );
  });

  test("a file that becomes a folder, and a folder that becomes a file, keep their names", async () => {
    await using house = await syncing.two();
    const { here, there, both } = house;
    await here.write("a", "file");
    await here.write("b/inner.txt", "inner");
    await both();
    await here.remove("a");
    await here.write("a/inner.txt", "inner of a");
    await here.remove("b");
    await here.write("b", "file now");
    await both();
    await areSame(here, there);
    assert.deepEqual(await there.tree(), ["a", "a/inner.txt", "b"]);
  });

  test("a file that only got another time is not sent", async () => {
    await using house = await syncing.two();
    const { here, there } = house;
    await here.write("one.txt", "one");
    await here.sync();
    await utimes(here.at("one.txt"), new Date(), new Date(0));
    assert.deepEqual((await here.sync()).sent, []);
    await there.sync();
    await areSame(here, there);
  });
});
