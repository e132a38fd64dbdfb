import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { SearchNodes } from "../application/nodes/search-nodes.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { openDrive, outcomeOf, read, type OpenDrive } from "./fixtures.ts";
import { tarOf } from "./archives.ts";

/** Names are found alike on every adapter. */
export function searchContract(name: string, open: OpenDrive): void {
  describe(`the search on ${name}`, () => {
    async function given() {
      const house = await openDrive(open);
      const { drive, as, adaId, space } = house;
      const ask = (q: string, more: object = {}, actor: string = adaId) =>
        drive.searchNodes(read(SearchNodes, { spaceId: space.id, q, ...more }), as(actor));
      const found = async (q: string, more: object = {}) =>
        expect(await ask(q, more)).items.map(({ node, above }) => [...above, node.name].join("/"));
      return { ...house, ask, found };
    }

    test("finds parts of names in any case and form, the last changes first", async () => {
      await using house = await given();
      const { rootId, clock, found } = house;
      const names = ["Invoice 2026.pdf", "letters/INVOICES", "a_b%c", "Straße", "CAF\u00C9.txt"];
      for (const one of [...names, "請求書.pdf", "φως.txt"]) {
        const entry = one === "letters/INVOICES" ? { name: `${one}/` } : { name: one, text: "x" };
        expect(await house.batch(rootId, await tarOf([entry])));
        clock.advance(1_000);
      }
      assert.deepEqual(await found("invoice"), ["letters/INVOICES", "Invoice 2026.pdf"]);
      assert.deepEqual(await found("  2026   VOICE "), ["Invoice 2026.pdf"]);
      assert.deepEqual(await found("invoice", { limit: 1 }), ["letters/INVOICES"]);
      assert.deepEqual(await found("STRASSE"), ["Straße"]);
      assert.deepEqual(await found("cafe\u0301"), ["CAF\u00C9.txt"]);
      assert.deepEqual(await found("請求"), ["請求書.pdf"]);
      for (const word of ["φως", "φωσ", "ΦΩΣ"]) assert.deepEqual(await found(word), ["φως.txt"]);
      assert.deepEqual(await found("_b%"), ["a_b%c"]);
      assert.deepEqual(await found("a_c"), []);
      assert.deepEqual(await found("nothing like it"), []);
    });

    test("finds nothing in the trash, in other spaces, and for others", async () => {
      await using house = await given();
      const { drive, as, bobId, rootId, found, ask } = house;
      const folder = await house.made(rootId, "folder");
      const inner = await house.made(folder, "target");
      const other = expect(await drive.openSpace(read(OpenSpace, { name: "Mine" }), as(bobId)));
      expect(await house.folder(other.rootId, "target of Bob", bobId));
      assert.deepEqual(await found("target"), ["folder/target"]);
      assert.deepEqual(await found("My files"), [], "the root is no result");
      expect(await house.trash(folder));
      assert.deepEqual(await found("target"), []);
      expect(await house.restore(folder, {}));
      expect(await house.trash(inner));
      assert.deepEqual(await found("target"), []);
      assert.equal(outcomeOf(await ask("target", {}, bobId)), "forbidden");
    });

    test("is not blinded by what lies in the trash", async () => {
      await using house = await given();
      for (const name of ["one", "two"]) {
        const folder = await house.made(house.rootId, name);
        const entries = Array.from({ length: 999 }, (_, i) => ({ name: `img_${i}`, text: "" }));
        expect(await house.batch(folder, await tarOf(entries)));
        expect(await house.trash(folder));
      }
      expect(await house.file(house.rootId, "img_live", Buffer.from("x")));
      const { items, isComplete } = expect(await house.ask("img_"));
      assert.deepEqual([items.map(({ node }) => node.name), isComplete], [["img_live"], true]);
    });

    test("says whether there are others", async () => {
      await using house = await given();
      const entries = Array.from({ length: 3 }, (_, i) => ({ name: `file ${i}`, text: `${i}` }));
      expect(await house.batch(house.rootId, await tarOf(entries)));
      assert.equal(expect(await house.ask("file", { limit: 3 })).isComplete, true);
      assert.equal(expect(await house.ask("file", { limit: 2 })).isComplete, false);
    });
  });
}
