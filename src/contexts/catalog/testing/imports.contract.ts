import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect, ok } from "#kernel/result.ts";
import type { OpenCatalog } from "./fixtures.ts";
import { importers } from "../application/imports/importers.ts";
import { mug, openImports, uploadOf } from "./imports.ts";
import { read } from "./shop.ts";
import { ExportRows } from "../application/imports/export-rows.ts";
import { GetImport, ListImportRows } from "../application/imports/read-imports.ts";
import type { UploadInvalid } from "../application/imports/receive-import.ts";

/** What imports and exports do, on every adapter of their repositories. */
export function importsContract(name: string, open: OpenCatalog): void {
  const given = () => openImports(open);

  describe(`imports on ${name}`, () => {
    test("change nothing in a dry run, and say what would become of each row", async () => {
      await using shop = await given();
      const rows = [mug, { ...mug, slug: "?" }];
      assert.deepEqual(await shop.bring("products", rows, { dryRun: true }), [
        [2, "created"],
        [3, "refused", "invalid"],
      ]);
      assert.deepEqual(await shop.exported("products"), []);
      assert.deepEqual(await shop.events(), ["catalog.import-received", "catalog.import-finished"]);
    });

    test("leave nothing of a file that breaks off, is empty, or has other columns", async () => {
      await using shop = await given();
      const { receive, run, events } = shop;
      const broken: UploadInvalid = { type: "upload-invalid", reason: "broken-off", line: 4 };
      assert.deepEqual(await receive("products", uploadOf([mug, mug, mug], broken)), err(broken));
      const invalid = (reason: string, more: object = {}) =>
        err({ type: "upload-invalid", reason, ...more });
      assert.deepEqual(await receive("products", uploadOf([])), invalid("empty"));
      assert.deepEqual(
        await receive("products", uploadOf([{ slug: "a", colour: "red" }])),
        invalid("column-unknown", {
          columns: ["colour"],
          known: Object.keys(importers.products.columns),
        }),
      );
      assert.deepEqual(
        await receive("stock", uploadOf([{ sku: "a" }])),
        invalid("column-missing", { columns: ["on_hand"] }),
      );
      const columns = ["sku", "on_hand", "sku"];
      const twice = {
        parts: (async function* () {
          yield ok({ columns, rows: [] });
        })(),
        digest: () => "",
        dialect: () => ({ encoding: "utf-8", separator: "," }) as const,
      };
      assert.deepEqual(
        await receive("stock", twice),
        invalid("column-repeated", { columns: ["sku"] }),
      );
      const thrown = {
        parts: (async function* () {
          yield ok({ columns: ["slug"], rows: [{ line: 2, cells: mug }] });
          throw new Error("the disk is full");
        })(),
        digest: () => "",
        dialect: () => ({ encoding: "utf-8", separator: "," }) as const,
      };
      await assert.rejects(receive("products", thrown), /the disk is full/);
      await run();
      assert.deepEqual(await events(), []);
      assert.deepEqual(await shop.subject.stagedRows(), 0);
    });

    test("are asked for each row what a request for it alone would ask", async () => {
      await using shop = await given();
      const { admin, run, receive, outcomes, somebody } = shop;
      await shop.bring("products", [mug]);
      await shop.role("loader", ["imports:create"]);
      const loader = await (await somebody("loader@example.com", "loader")).asking();
      const narrowed = { ...admin, scopes: ["imports:create"] };
      const files = {
        products: [
          { ...mug, name: "Not mine" },
          { ...mug, slug: "new", skus: "NEW" },
        ],
        prices: [{ sku: "MUG", currency: "EUR", amount: "1" }],
        stock: [{ sku: "MUG", on_hand: "7" }],
      };
      const before = (await shop.events()).filter((type) => !type.startsWith("catalog.import-"));
      for (const [kind, rows] of Object.entries(files))
        for (const context of [loader, narrowed]) {
          const { id } = expect(await receive(kind, uploadOf(rows), {}, context as typeof admin));
          await run();
          const refused = rows.map((_, i) => [i + 2, "refused", "forbidden"]);
          assert.deepEqual(await outcomes(id), refused, kind);
        }
      const after = (await shop.events()).filter((type) => !type.startsWith("catalog.import-"));
      assert.deepEqual(after, before);
    });

    test("end for a user who is disabled meanwhile, and publish only with the permission", async () => {
      await using shop = await given();
      const { admin, run, receive, outcomes, somebody } = shop;
      await shop.role("writer", ["imports:create", "products:create", "products:update"]);
      const { userId, asking } = await somebody("writer@example.com", "writer");
      const writer = (await asking()) as typeof admin;
      const rows = [mug, { ...mug, slug: "draft", skus: "D", status: "draft" }];
      const { id } = expect(await receive("products", uploadOf(rows), {}, writer));
      await run();
      assert.deepEqual(await outcomes(id), [
        [2, "refused", "forbidden"],
        [3, "created"],
      ]);

      const later = expect(
        await receive("products", uploadOf([{ ...mug, status: "draft" }]), {}, writer),
      );
      await shop.disable(userId);
      await run();
      assert.deepEqual(await outcomes(later.id), [[2, "refused", "forbidden"]]);
    });

    test("show drafts in an export only to callers who may read them", async () => {
      await using shop = await given();
      const { catalog } = shop;
      await shop.bring("products", [mug, { ...mug, slug: "draft", skus: "D", status: "draft" }]);
      await shop.role("reader", ["exports:read"]);
      const reader = await (await shop.somebody("reader@example.com", "reader")).asking();
      const { rows } = expect(
        await catalog.exportRows(read(ExportRows, { kind: "products" }), reader),
      );
      const slugs: (string | undefined)[] = [];
      for await (const some of rows) slugs.push(...some.map(({ slug }) => slug));
      assert.deepEqual(slugs, ["mug"]);
      assert.equal((await shop.exported("products")).length, 2);
    });

    test("are accepted when their first row is unusual", async () => {
      await using shop = await given();
      const rows = [
        { sku: "A", on_hand: "1", "column 3": "?" },
        { sku: "B", on_hand: "1" },
      ];
      const outcomes = await shop.bring("stock", rows);
      assert.deepEqual(outcomes, [
        [2, "refused", "unknown-cells"],
        [3, "refused", "sku-not-found"],
      ]);
    });

    test("are exported whole, also where rows at the borders of pages are alike", async () => {
      await using shop = await given();
      const { bring, exported } = shop;
      await bring("products", [
        { ...mug, skus: "A|B|C" },
        { ...mug, slug: "cup", skus: "D", status: "draft" },
        { ...mug, slug: "jar", skus: "E", status: "draft" },
        { ...mug, slug: "jug", skus: "F", status: "draft" },
      ]);
      const counted = ["A", "B", "C", "D"].flatMap((sku) =>
        ["north", "south", "west"].map((location) => ({ sku, location, on_hand: "1" })),
      );
      await bring("stock", counted);
      const priced = ["A", "B"].flatMap((sku) =>
        ["EUR", "USD", "CHF"].map((currency) => ({ sku, currency, amount: "1.00" })),
      );
      await bring("prices", priced);
      assert.equal((await exported("products")).length, 4);
      assert.equal((await exported("stock")).length, counted.length);
      assert.equal((await exported("prices")).length, priced.length);
    });

    test("are counted while they go on, page by page", async () => {
      await using shop = await given();
      const { catalog, receive, run, admin } = shop;
      const rows = Array.from({ length: 120 }, (_, i) => ({
        ...mug,
        slug: `m-${i}`,
        skus: `M${i}`,
      }));
      const { id: importId } = expect(await receive("products", uploadOf(rows)));
      const tally = async () =>
        expect(await catalog.getImport(read(GetImport, { importId }), admin));
      assert.deepEqual([(await tally()).status, (await tally()).rows], ["waiting", 120]);
      await run();
      const { status, tally: counts } = await tally();
      assert.deepEqual([status, counts.created, counts.refused], ["finished", 120, 0]);
      const page = async (more: object) =>
        expect(await catalog.listImportRows(read(ListImportRows, { importId, ...more }), admin));
      const first = await page({ limit: 100 });
      assert.deepEqual([first.items.length, first.nextCursor], [100, 101]);
      assert.equal((await page({ limit: 100, cursor: 101 })).items.length, 20);
      assert.deepEqual((await page({ outcome: "refused" })).items, []);
    });

    test("require a permission and are visible to their sender", async () => {
      await using shop = await given();
      const { catalog, receive, admin } = shop;
      const member = await (await shop.somebody("member@example.com")).asking();
      const merchant = await (await shop.somebody("merchant@example.com", "merchant")).asking();
      const refusal = await receive("products", uploadOf([mug]), {}, member);
      assert.deepEqual(refusal, err({ type: "forbidden", permission: "imports:create" }));
      const kind = read(ExportRows, { kind: "stock" });
      assert.deepEqual(
        await catalog.exportRows(kind, member),
        err({ type: "forbidden", permission: "exports:read" }),
      );
      const { id } = expect(await receive("products", uploadOf([mug]), {}, merchant));
      const get = (context: typeof member) =>
        catalog.getImport(read(GetImport, { importId: id }), context);
      assert.ok((await get(merchant)).ok);
      assert.ok((await get(admin)).ok);
      assert.deepEqual(await get(member), err({ type: "forbidden", permission: "imports:read" }));
    });
  });
}
