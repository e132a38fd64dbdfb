import assert from "node:assert/strict";
import { describe, test } from "node:test";
import sharp from "sharp";
import { Instant } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import { maxLinks, visitMs } from "../domain/link.ts";
import { openDrive, outcomeOf, type OpenDrive } from "./fixtures.ts";

const bytes = (text: string) => Buffer.from(text);

/** Links open what they should, and nothing else, on every adapter. */
export function linksContract(name: string, open: OpenDrive): void {
  /** A drive with `folder/inner.txt` and `outer.txt`. */
  async function shared() {
    const house = await openDrive(open);
    const folder = await house.made(house.rootId, "folder");
    const inner = expect(await house.file(folder, "inner.txt", bytes("inner"))).id;
    const outer = expect(await house.file(house.rootId, "outer.txt", bytes("outer"))).id;
    const linked = async (nodeId: string, more: object = {}) => {
      const { link } = expect(await house.link(nodeId, more));
      return { link, token: house.linkTokens.tokenOf(link.id) };
    };
    async function text(token: string, more: object = {}) {
      const { file, bytes: pieces } = expect(await house.sharedBytes(token, more));
      const whole: Uint8Array[] = [];
      for await (const piece of pieces({ from: 0, until: file.content.size })) whole.push(piece);
      return Buffer.concat(whole).toString();
    }
    return { ...house, folder, inner, outer, linked, text };
  }

  describe(`links on ${name}`, () => {
    test("a link opens its folder and what lies below it, and nothing else", async () => {
      await using house = await shared();
      const { token } = await house.linked(house.folder);
      assert.equal(expect(await house.shared(token)).node.id, house.folder);
      const { items } = expect(await house.sharedChildren(token));
      assert.deepEqual(
        items.map(({ id }) => id),
        [house.inner],
      );
      assert.equal(await house.text(token, { nodeId: house.inner }), "inner");
      for (const nodeId of [house.outer, house.rootId]) {
        assert.equal(outcomeOf(await house.shared(token, { nodeId })), "link-not-found");
        assert.equal(outcomeOf(await house.sharedBytes(token, { nodeId })), "link-not-found");
        assert.equal(outcomeOf(await house.sharedChildren(token, { nodeId })), "link-not-found");
      }
      expect(await house.move(house.inner, { parentId: house.rootId }));
      const nodeId = house.inner;
      assert.equal(outcomeOf(await house.sharedBytes(token, { nodeId })), "link-not-found");
      assert.equal(outcomeOf(await house.sharedBytes(token)), "not-a-file");
    });

    test("a token that nobody signed opens nothing", async () => {
      await using house = await shared();
      const { link, token } = await house.linked(house.outer);
      const end = token.endsWith("A") ? "B" : "A";
      for (const forged of [
        link.id,
        `${link.id}.`,
        token.slice(0, -1) + end,
        `${token}.x`,
        "..",
        "x",
      ])
        assert.equal(outcomeOf(await house.shared(forged)), "link-not-found", forged);
      const another = await house.linked(house.inner);
      const [, signature = ""] = another.token.split(".");
      assert.equal(outcomeOf(await house.shared(`${link.id}.${signature}`)), "link-not-found");
    });

    test("a link ends when it is revoked, when its time comes, and with what it opens", async () => {
      await using house = await shared();
      const { link, token } = await house.linked(house.outer);
      assert.equal(outcomeOf(await house.revoke(link.id, house.bobId)), "forbidden");
      expect(await house.revoke(link.id));
      assert.equal(outcomeOf(await house.sharedBytes(token)), "link-not-found");
      assert.equal(outcomeOf(await house.revoke(link.id)), "link-not-found");
      const expiresAt = Instant.plus(house.clock.now(), 60_000);
      const short = await house.linked(house.outer, { expiresAt });
      assert.equal(await house.text(short.token), "outer");
      house.clock.advance(60_000);
      assert.equal(outcomeOf(await house.sharedBytes(short.token)), "link-expired");
      const past = await house.link(house.outer, { expiresAt });
      assert.equal(outcomeOf(past), "expiry-past");
      const inTrash = await house.linked(house.folder);
      expect(await house.trash(house.folder));
      assert.equal(outcomeOf(await house.shared(inTrash.token)), "link-not-found");
      assert.equal(outcomeOf(await house.link(house.folder)), "node-in-trash");
      expect(await house.restore(house.folder));
      assert.equal(outcomeOf(await house.shared(inTrash.token)), "ok");
      expect(await house.trash(house.folder));
      expect(await house.purge(house.folder));
      assert.equal(outcomeOf(await house.shared(inTrash.token)), "link-not-found");
      const kept = await house.subject.read(house.as("system"), ({ links }) =>
        links.byId(inTrash.link.id),
      );
      assert.equal(kept, undefined);
    });

    test("a link with a password needs a visit, which is good for an hour and for this link", async () => {
      await using house = await shared();
      const { token } = await house.linked(house.outer, { password: "open sesame" });
      assert.equal(outcomeOf(await house.shared(token)), "visit-required");
      assert.equal(outcomeOf(await house.sharedBytes(token)), "visit-required");
      assert.equal(outcomeOf(await house.visit(token)), "password-wrong");
      assert.equal(outcomeOf(await house.visit(token, "open barley")), "password-wrong");
      const { visit } = expect(await house.visit(token, "open sesame"));
      assert.equal(await house.text(token, { visit }), "outer");
      const other = await house.linked(house.inner, { password: "another one" });
      assert.equal(outcomeOf(await house.shared(other.token, { visit })), "visit-required");
      const forged = visit.replace(/\.\d+\./, ".9999999999999.");
      assert.equal(outcomeOf(await house.shared(token, { visit: forged })), "visit-required");
      house.clock.advance(visitMs);
      assert.equal(outcomeOf(await house.shared(token, { visit })), "visit-required");
    });

    test("the downloads of a link are limited, also when many race for the last one", async () => {
      await using house = await shared();
      const { link, token } = await house.linked(house.outer, { maxDownloads: 3 });
      const { visit } = expect(await house.visit(token));
      for (let i = 0; i < 3; i += 1) assert.equal(await house.text(token, { visit }), "outer");
      const racing = await Promise.all(Array.from({ length: 20 }, () => house.sharedBytes(token)));
      const outcomes = racing.map(outcomeOf);
      assert.equal(outcomes.filter((one) => one === "ok").length, 2, outcomes.join());
      assert.equal(outcomeOf(await house.sharedBytes(token)), "link-used-up");
      assert.equal(await house.text(token, { visit }), "outer", "the visit has counted already");
      const [used] = await house.links(house.outer);
      assert.deepEqual([used?.link.id, used?.downloads], [link.id, 3]);
    });

    test("a link that takes files shows none, and gives numbers to those of one name", async () => {
      await using house = await shared();
      const { folder, clock } = house;
      const { token } = await house.linked(folder, { allows: "drop" });
      assert.equal(expect(await house.shared(token)).allows, "drop");
      for (const blind of [
        await house.shared(token, { nodeId: house.inner }),
        await house.sharedChildren(token),
        await house.sharedBytes(token, { nodeId: house.inner }),
      ])
        assert.equal(outcomeOf(blind), "link-drops-only");
      const text = (i: number) => bytes(`dropped ${i}`);
      for (let i = 1; i <= 12; i += 1) expect(await house.drop(token, "inner.txt", text(i)));
      const names: readonly string[] = await house.names(folder);
      assert.equal(names.length, 13);
      assert.ok(names.includes("inner (2).txt") && names.includes("inner (10).txt"));
      assert.equal(names.filter((one) => /^inner \(node_\w{26}\)\.txt$/.test(one)).length, 3);
      assert.ok((await house.bytesOf(house.inner)).equals(bytes("inner")));
      const reads = await house.linked(folder);
      assert.equal(outcomeOf(await house.drop(reads.token, "x", text(0))), "link-reads-only");
      const closed = await house.linked(folder, { allows: "drop", password: "open sesame" });
      assert.equal(outcomeOf(await house.drop(closed.token, "x", text(0))), "visit-required");
      const { visit } = expect(await house.visit(closed.token, "open sesame"));
      expect(await house.drop(closed.token, "with password", text(0), { visit }));
      clock.advance(visitMs);
      assert.equal(
        outcomeOf(await house.drop(closed.token, "late", text(0), { visit })),
        "visit-required",
      );
      assert.equal(outcomeOf(await house.link(house.outer, { allows: "drop" })), "not-a-folder");
      const told = (await house.links(folder)).map(({ link }) => link.allows);
      assert.deepEqual(told, ["drop", "read", "drop"]);
    });

    test("a link for previews shows names and small pictures, and opens no content", async () => {
      await using house = await shared();
      const { folder, outer, inner } = house;
      const pixels = { width: 300, height: 300, channels: 3, background: "red" } as const;
      const image = await sharp({ create: pixels }).png().toBuffer();
      const photo = expect(await house.file(folder, "photo.png", image)).id;
      const { token, link } = await house.linked(folder, { allows: "preview" });
      assert.equal(link.allows, "preview");
      assert.equal(expect(await house.shared(token)).allows, "preview");
      const { items } = expect(await house.sharedChildren(token));
      assert.deepEqual(
        items.map(({ name }) => name),
        ["inner.txt", "photo.png"],
      );
      const small = expect(await house.sharedThumbnail(token, { nodeId: photo, size: "64" }));
      assert.equal((await sharp(small.picture).metadata()).width, 64);
      const most = expect(await house.sharedThumbnail(token, { nodeId: photo, size: "1024" }));
      assert.equal((await sharp(most.picture).metadata()).width, 256, "no picture in full");
      const blind = async (more: object) => outcomeOf(await house.sharedThumbnail(token, more));
      assert.equal(await blind({ nodeId: inner }), "no-thumbnail");
      assert.equal(await blind({}), "not-a-file");
      assert.equal(await blind({ nodeId: outer }), "link-not-found", "it lies elsewhere");
      for (const closed of [
        await house.sharedBytes(token, { nodeId: photo }),
        await house.sharedArchive(token),
      ])
        assert.equal(outcomeOf(closed), "link-previews-only");
      assert.equal(outcomeOf(await house.drop(token, "x", image)), "link-reads-only");
      const limited = await house.link(folder, { allows: "preview", maxDownloads: 3 });
      assert.equal(outcomeOf(limited), "preview-without-downloads");
      const [told] = await house.links(folder);
      assert.deepEqual(
        [told?.link.id, told?.link.allows, told?.downloads],
        [link.id, "preview", 0],
      );
      expect(await house.trash(photo));
      assert.equal(await blind({ nodeId: photo }), "link-not-found");
      const drops = await house.linked(folder, { allows: "drop" });
      assert.equal(outcomeOf(await house.sharedThumbnail(drops.token)), "link-drops-only");
    });

    test("a link packs its folder, or one below it, as one download", async () => {
      await using house = await shared();
      const below = await house.made(house.folder, "below");
      const { token } = await house.linked(house.folder, { maxDownloads: 2 });
      const packed = async (more: object = {}) =>
        expect(await house.sharedArchive(token, more)).entries.map(({ path }) => path);
      assert.deepEqual(new Set(await packed()), new Set(["below", "inner.txt"]));
      const { inner: nodeId, rootId } = house;
      assert.equal(outcomeOf(await house.sharedArchive(token, { nodeId })), "not-a-folder");
      assert.equal(
        outcomeOf(await house.sharedArchive(token, { nodeId: rootId })),
        "link-not-found",
      );
      assert.deepEqual(await packed({ nodeId: below }), []);
      assert.equal(outcomeOf(await house.sharedArchive(token)), "link-used-up");
    });

    test("a link takes no more files than it allows, and none once it is revoked", async () => {
      await using house = await shared();
      const { folder } = house;
      const { link, token } = await house.linked(folder, { allows: "drop", maxDownloads: 3 });
      const racing = Array.from({ length: 8 }, (_, i) => house.drop(token, `${i}`, bytes(`${i}`)));
      const outcomes = (await Promise.all(racing)).map(outcomeOf);
      assert.equal(outcomes.filter((one) => one === "ok").length, 3, outcomes.join());
      assert.equal((await house.names(folder)).length, 4);
      assert.equal(outcomeOf(await house.drop(token, "more", bytes("more"))), "link-used-up");
      const other = await house.linked(folder, { allows: "drop" });
      const gate = Promise.withResolvers<void>();
      async function* late() {
        await gate.promise;
        yield bytes("late");
      }
      const dropping = house.drop(other.token, "late", late());
      expect(await house.revoke(other.link.id));
      gate.resolve();
      assert.equal(outcomeOf(await dropping), "link-not-found");
      expect(await house.trash(folder));
      assert.equal(outcomeOf(await house.drop(token, "x", bytes("x"))), "link-not-found");
      assert.equal((await house.links(folder))[0]?.link.id, link.id);
    });

    test("a user shares only their own files, and each by a limited number of links", async () => {
      await using house = await shared();
      assert.equal(outcomeOf(await house.link(house.outer, {}, house.bobId)), "forbidden");
      for (let i = 0; i < maxLinks; i += 1) expect(await house.link(house.outer));
      assert.equal(outcomeOf(await house.link(house.outer)), "too-many-links");
      assert.equal((await house.links(house.outer)).length, maxLinks);
    });

    test("a link ends when its owner is erased", async () => {
      await using house = await shared();
      const { link, token } = await house.linked(house.outer);
      const erase = house.subject.unitOfWork(house.as("system"), async ({ personalData }) => {
        await personalData.erase(house.adaId);
        return ok(undefined);
      });
      expect(await erase);
      assert.equal(outcomeOf(await house.shared(token)), "link-not-found");
      const kept = await house.subject.read(house.as("system"), ({ links }) => links.byId(link.id));
      assert.equal(kept, undefined);
    });
  });
}
