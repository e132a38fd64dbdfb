import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import type { OpenCatalog } from "./fixtures.ts";
import { mug, openImports } from "./imports.ts";
import { read } from "./shop.ts";
import { CreateDraft } from "../application/products/draft-product.ts";
import { CreateCategory } from "../application/products/categories.ts";
import { ReserveStock } from "../application/stock/reserve-stock.ts";

/** What rows of each kind do, on every adapter of their repositories. */
export function importRowsContract(name: string, open: OpenCatalog): void {
  const given = () => openImports(open);

  describe(`rows of imports on ${name}`, () => {
    test("draft, publish, edit and archive products by their slugs", async () => {
      await using shop = await given();
      const { bring, exported, catalog, admin } = shop;
      const clothes = read(CreateCategory, { name: "Clothes", slug: "clothes" });
      expect(await catalog.createCategory(clothes, admin));
      const shirt = {
        slug: "shirt",
        name: "Shirt",
        description: "Soft.",
        skus: "TS-M|TS-L",
        status: "draft",
        categories: "clothes",
        attributes: "colour=red|cut=a\\|b=c",
        images: "https://a.b/c.png",
      };
      assert.deepEqual(await bring("products", [mug]), [[2, "created"]]);
      assert.deepEqual(await bring("products", [shirt]), [[2, "created"]]);
      const before = await shop.events();
      const without = { description: "", skus: "", categories: "", attributes: "", images: "" };
      const rows = await exported("products");
      assert.deepEqual(rows, [shirt, { ...without, ...mug }]);
      assert.deepEqual(await bring("products", rows), [
        [2, "unchanged"],
        [3, "unchanged"],
      ]);
      const since = (await shop.events()).slice(before.length);
      assert.deepEqual(since, ["catalog.import-received", "catalog.import-finished"]);

      const steps = [
        { slug: "mug", name: "Big mug" },
        { slug: "shirt", name: "Shirt", status: "archived" },
      ];
      assert.deepEqual(
        await bring(
          "products",
          steps.map((row) => ({ status: "", ...row })),
        ),
        [
          [2, "changed"],
          [3, "changed"],
        ],
      );
      const [first, second] = await exported("products");
      assert.deepEqual([first?.["name"], first?.["status"]], ["Big mug", "published"]);
      assert.deepEqual([second?.["slug"], second?.["status"]], ["shirt", "archived"]);
    });

    test("refuse wrong rows, each with its reason, and apply all others", async () => {
      await using shop = await given();
      const { bring, exported } = shop;
      const rows = [
        mug,
        { ...mug, slug: "Not A Slug" },
        { ...mug, slug: "no-name", name: "" },
        { ...mug, slug: "nameless", skus: "N" },
        { ...mug, slug: "thief" },
        { ...mug, slug: "lost", skus: "L", categories: "nowhere" },
        { ...mug, slug: "odd", skus: "O", "column 6": "?" },
        { ...mug, slug: "poor", skus: "", name: "Poor" },
        { ...mug, slug: "lamp", name: "Lamp", skus: "LAMP" },
      ].map((row, i) => {
        const { name: title, ...rest } = row;
        return i === 3 ? rest : { name: title, ...rest };
      });
      assert.deepEqual(await bring("products", rows), [
        [2, "created"],
        [3, "refused", "invalid"],
        [4, "refused", "invalid"],
        [5, "refused", "name-missing"],
        [6, "refused", "product-clash"],
        [7, "refused", "unknown-category"],
        [8, "refused", "unknown-cells"],
        [9, "refused", "not-publishable"],
        [10, "created"],
      ]);
      assert.deepEqual(
        (await exported("products")).map(({ slug }) => slug),
        ["mug", "lamp"],
      );
    });

    test("take products off sale, archive and restore them, with their edits", async () => {
      await using shop = await given();
      const { bring, exported } = shop;
      const statuses = ["published", "draft", "archived", "published", "archived", "draft"];
      let { name } = mug;
      for (const status of statuses) {
        if (status !== "archived") name = `Mug that becomes ${status} after "${name}"`.slice(0, 90);
        const [[, outcome] = []] = await bring("products", [{ ...mug, name, status }]);
        assert.ok(outcome === "created" || outcome === "changed", status);
        const [product] = await exported("products");
        assert.deepEqual(product?.["status"], status);
      }
      assert.deepEqual(
        (await shop.events()).filter((type) => /product-(published|un|arch|rest)/.test(type)),
        [
          "catalog.product-published",
          "catalog.product-unpublished",
          "catalog.product-published",
          "catalog.product-archived",
          "catalog.product-restored",
          "catalog.product-published",
          "catalog.product-archived",
          "catalog.product-restored",
        ],
      );
    });

    test("come back unchanged from an export, though an archived product lost its slug", async () => {
      await using shop = await given();
      const { bring, exported } = shop;
      assert.deepEqual(await bring("products", [{ ...mug, status: "archived" }]), [[2, "created"]]);
      const old = await exported("products");
      assert.deepEqual(await bring("products", old), [[2, "unchanged"]]);
      const successor = read(CreateDraft, { slug: mug.slug, name: "New mug", skus: [mug.skus] });
      expect(await shop.catalog.draftProduct(successor, shop.admin));
      const rows = await exported("products");
      assert.deepEqual(
        rows.map(({ name }) => name),
        ["New mug"],
      );
      assert.deepEqual(await bring("products", rows), [[2, "unchanged"]]);
    });

    test("apply rows about one thing one after the other, in the order of the file", async () => {
      await using shop = await given();
      const names = ["One", "Two", "Three"];
      const rows = names.map((title) => ({ ...mug, name: title }));
      assert.deepEqual(await shop.bring("products", rows), [
        [2, "created"],
        [3, "changed"],
        [4, "changed"],
      ]);
      assert.deepEqual((await shop.exported("products"))[0]?.["name"], "Three");
      const clash = [
        { ...mug, slug: "a", skus: "SAME" },
        { ...mug, slug: "b", skus: "SAME" },
      ];
      assert.deepEqual(await shop.bring("products", clash), [
        [2, "created"],
        [3, "refused", "product-clash"],
      ]);
    });

    test("set prices, and leave alone those that are known", async () => {
      await using shop = await given();
      const { bring, exported, clock } = shop;
      await bring("products", [{ ...mug, skus: "MUG|MUG-L" }]);
      const price = { sku: "mug", currency: "EUR", amount: "9.90" };
      const rows = [
        { ...price, list: "", minimum_quantity: "", valid_from: "", valid_until: "" },
        { ...price, list: "", minimum_quantity: "10", amount: "8.90" },
        { ...price, sku: "MUG-L", amount: "12.00", valid_from: "2100-01-01" },
        { ...price, sku: "NONE" },
        { ...price, amount: "1.001" },
        { ...price, currency: "ZZZ" },
        { ...price, minimum_quantity: "ten" },
        { ...price, amount: "7.00" },
      ].map((row) => ({ list: "", minimum_quantity: "", valid_from: "", valid_until: "", ...row }));
      assert.deepEqual(await bring("prices", rows), [
        [2, "created"],
        [3, "created"],
        [4, "created"],
        [5, "refused", "sku-not-found"],
        [6, "refused", "amount-ambiguous"],
        [7, "refused", "invalid"],
        [8, "refused", "invalid"],
        [9, "refused", "price-overlaps"],
      ]);
      clock.advance(1_000);
      const known = await exported("prices");
      assert.equal(known.length, 3);
      const again = (await bring("prices", known)).map(([, outcome]) => outcome);
      assert.deepEqual(again, ["unchanged", "unchanged", "unchanged"]);
      assert.deepEqual(await bring("prices", rows.slice(0, 1)), [[2, "unchanged"]]);
      const dearer = rows.slice(0, 1).map((row) => ({ ...row, amount: "10.90" }));
      assert.deepEqual(await bring("prices", dearer), [[2, "created"]]);
    });

    test("take prices that were exported, changed in a spreadsheet and come back", async () => {
      await using shop = await given();
      const { bring, exported, clock } = shop;
      await bring("products", [{ ...mug, skus: "MUG|MUG-L" }]);
      const price = { currency: "EUR", list: "", minimum_quantity: "", valid_until: "" };
      await bring("prices", [
        { ...price, sku: "MUG", amount: "9.90", valid_from: "" },
        { ...price, sku: "MUG-L", amount: "12.00", valid_from: "2100-01-01" },
      ]);
      clock.advance(60_000);
      const dearer = (await exported("prices")).map((row) => ({ ...row, amount: "15.00" }));

      const outcomes = (await bring("prices", dearer)).map(([, outcome]) => outcome);

      assert.deepEqual(outcomes, ["created", "created"]);
      const now = await exported("prices");
      assert.deepEqual(
        now.map(({ sku, amount, valid_from: from }) => [sku, amount, from?.slice(0, 4)]),
        [
          ["MUG", "15.00", clock.now().slice(0, 4)],
          ["MUG-L", "15.00", "2100"],
        ],
      );
      const again = (await bring("prices", now)).map(([, outcome]) => outcome);
      assert.deepEqual(again, ["unchanged", "unchanged"]);
    });

    test("count stock, but not below what is reserved", async () => {
      await using shop = await given();
      const { bring, exported, catalog, admin } = shop;
      await bring("products", [{ ...mug, skus: "MUG|MUG-L" }]);
      const counted = (sku: string, units: string, location = "") => ({
        sku,
        location,
        on_hand: units,
      });
      assert.deepEqual(
        await bring("stock", [
          counted("mug", "5"),
          counted("MUG-L", "0"),
          counted("MUG", "7", "berlin"),
          counted("NONE", "1"),
          counted("MUG", "-1"),
          counted("MUG", "1.5"),
        ]),
        [
          [2, "created"],
          [3, "unchanged"],
          [4, "created"],
          [5, "refused", "sku-not-found"],
          [6, "refused", "invalid"],
          [7, "refused", "invalid"],
        ],
      );
      expect(await catalog.reserveStock(read(ReserveStock, { sku: "MUG", quantity: 3 }), admin));
      assert.deepEqual(await bring("stock", [counted("MUG", "2")]), [
        [2, "refused", "out-of-stock"],
      ]);
      const rows = await exported("stock");
      assert.deepEqual(rows, [counted("MUG", "7", "berlin"), counted("MUG", "5", "main")]);
      assert.deepEqual(
        (await bring("stock", rows)).map(([, outcome]) => outcome),
        ["unchanged", "unchanged"],
      );
    });
  });
}
