import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import type { Content } from "../domain/content.ts";
import type { Node } from "../domain/node.ts";
import { tarOf } from "./archives.ts";
import { openDrive, toldOf, type OpenDrive } from "./fixtures.ts";

const png = Buffer.from(
  "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489",
  "hex",
);
const then = "2020-02-03T04:05:06.789Z";
const facts = ({ mediaType, modifiedAt }: Content) => [mediaType, modifiedAt];
const heldBy = (node: Node | undefined) => (node?.kind === "file" ? facts(node.content) : []);

/** Of every content it is known what kind of bytes it has, and when these were last changed, on every adapter. */
export function mediaTypesContract(name: string, open: OpenDrive): void {
  describe(`media types and times on ${name}`, () => {
    test("says of a file what its bytes are and when they were changed, and of each revision", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const file = expect(await house.file(rootId, "a.txt", png, { modifiedAt: then })).id;
      assert.deepEqual(heldBy(expect(await house.seen(file)).node), ["image/png", then]);
      expect(await house.revise(file, 1, Buffer.from("Grüße")));
      const second = ["text/plain", clock.now()];
      assert.deepEqual(heldBy(expect(await house.seen(file)).node), second);
      expect(await house.revise(file, 2, Buffer.from("Grüße"), { modifiedAt: then }));
      assert.deepEqual(heldBy(expect(await house.seen(file)).node), second, "nothing has changed");
      expect(await house.restoreRevision(file, 1, 2));
      const revisions = await house.revisions(file);
      assert.deepEqual(revisions.items.map(facts), [
        ["image/png", then],
        second,
        ["image/png", then],
      ]);
      const copy = expect(await house.copy(file, { name: "copy" })).id;
      assert.deepEqual(heldBy(expect(await house.seen(copy)).node), ["image/png", then]);
      const [listed] = expect(await house.children(rootId)).items;
      assert.deepEqual(heldBy(listed), ["image/png", then]);
    });

    test("says it of an upload in parts, of the files of an archive and of what a link takes", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const told = toldOf(png);
      const begun = expect(await house.begin(rootId, png, { modifiedAt: then }));
      expect(await house.send(begun.upload.id, "0", png));
      const sent = expect(await house.commit(begun.upload.id));
      assert.deepEqual(heldBy(sent), ["image/png", then]);
      const known = { name: "again", parts: [] };
      const again = expect(await house.begin(rootId, png, known));
      const same = expect(await house.commit(again.upload.id));
      assert.deepEqual(heldBy(same), ["image/png", clock.now()], "its bytes are there already");
      assert.equal(same.content.hash, told.hash);

      const results = expect(
        await house.batch(
          rootId,
          await tarOf([
            { name: "dated", text: "one", mtime: new Date(then) },
            { name: "precise", text: "one", pax: { mtime: "1580702706.789" } },
            { name: "endless", text: "\u0000", pax: { mtime: "1e99" } },
            { name: "empty", text: "one", pax: { mtime: " " } },
          ]),
        ),
      );
      assert.deepEqual(
        results.map((one) => (one.outcome === "refused" ? [] : heldBy(one.node))),
        [
          ["text/plain", "2020-02-03T04:05:06.000Z"],
          ["text/plain", then],
          ["application/octet-stream", clock.now()],
          ["text/plain", clock.now()],
        ],
      );

      const folder = await house.made(rootId, "drops");
      const { id } = expect(await house.link(folder, { allows: "drop" })).link;
      expect(await house.drop(house.linkTokens.tokenOf(id), "x", png));
      const [dropped] = expect(await house.children(folder)).items;
      assert.deepEqual(heldBy(dropped), ["image/png", clock.now()]);
    });

    test("says it of the past, and of what comes back", async () => {
      await using house = await openDrive(open);
      const { rootId, clock } = house;
      const folder = await house.made(rootId, "folder");
      const file = expect(await house.file(folder, "a", png, { modifiedAt: then })).id;
      const at = clock.now();
      clock.advance(1_000);
      expect(await house.revise(file, 1, Buffer.from("another")));
      const gone = expect(await house.file(folder, "b", Buffer.alloc(0)));
      assert.deepEqual(heldBy(gone), ["application/octet-stream", clock.now()]);
      clock.advance(1_000);
      const past = expect(await house.past(folder, at));
      assert.deepEqual(
        past.items.map(({ content }) => content && facts(content)),
        [["image/png", then]],
      );
      expect(await house.rewind(folder, at));
      assert.deepEqual(heldBy(expect(await house.seen(file)).node), ["image/png", then]);
    });
  });
}
