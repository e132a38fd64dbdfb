import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { systemIds as newId } from "#platform/system.ts";
import type { OpenCatalog } from "./fixtures.ts";
import { openShop, read } from "./shop.ts";
import { CategoryId, OwnerId } from "../domain/ids.ts";
import { CreateCategory, UpdateCategory } from "../application/products/categories.ts";
import { EditProduct } from "../application/products/edit-product.ts";
import { ListProducts } from "../application/products/list-products.ts";
import { EndPrice, ListPrices, SetPrice } from "../application/prices/prices.ts";
import { clearOwner } from "../application/products/product-lifecycle.ts";

const minuteMs = 60_000;
const authors = 64;

/** What the catalog does, on every adapter of its repositories. */
export function catalogContract(name: string, open: OpenCatalog): void {
  const given = () => openShop(open);

  describe(`products on ${name}`, () => {
    test("are drafted, edited, published and archived, each step told once", async () => {
      await using shop = await given();
      const { catalog, admin, draft, step } = shop;
      const made = expect(await draft({ skus: ["m", "M", "l"], attributes: [] }));
      assert.deepEqual([made.details.slug, made.details.skus], ["red-t-shirt", ["M", "L"]]);
      assert.equal(made.ownerId, shop.adminId);
      const change = { productId: made.id, expectedVersion: 1, skus: ["L", "XL"] };
      const edited = expect(await catalog.editProduct(read(EditProduct, change), admin));
      assert.deepEqual(edited.details.skus, ["L", "XL"]);
      const published = expect(await catalog.publishProduct(step(made.id, 2), admin));
      assert.equal(published.version, 3);
      assert.deepEqual(expect(await shop.page(made.id)).product, published);
      expect(await catalog.archiveProduct(step(made.id, 3), admin));
      const late = await catalog.editProduct(
        read(EditProduct, { productId: made.id, expectedVersion: 4, name: "X" }),
        admin,
      );
      assert.deepEqual(late, err({ type: "product-is-archived" }));
      assert.deepEqual(await shop.subject.events(), [
        "catalog.product-drafted",
        "catalog.product-edited",
        "catalog.product-published",
        "catalog.product-archived",
      ]);
    });

    test("are unpublished and published again, and hidden from strangers meanwhile", async () => {
      await using shop = await given();
      const { catalog, admin, draft, step } = shop;
      const { id } = expect(await draft());
      expect(await catalog.publishProduct(step(id, 1), admin));
      const hidden = expect(await catalog.unpublishProduct(step(id, 2), admin));
      assert.equal(hidden.status, "draft");
      const stranger = await catalog.getProduct({ productId: id }, await shop.stranger());
      assert.deepEqual(stranger, err({ type: "product-not-found" }));
      expect(await catalog.publishProduct(step(id, 3), admin));
      expect(await catalog.getProduct({ productId: id }, await shop.stranger()));
    });

    test("give slug and skus free when archived, and take them back if nobody has them", async () => {
      await using shop = await given();
      const { catalog, admin, draft, step } = shop;
      const first = expect(await draft());
      expect(await catalog.publishProduct(step(first.id, 1), admin));
      expect(await catalog.archiveProduct(step(first.id, 2), admin));
      const second = expect(await draft());
      const { slug, skus } = second.details;
      assert.equal(slug, first.details.slug);
      const clash = err({ type: "product-clash", slug, skus });
      assert.deepEqual(await catalog.restoreProduct(step(first.id, 3), admin), clash);
      const seen = expect(await shop.page(first.id));
      assert.deepEqual(seen.prices, { status: "live", value: [] }, "no price of the other's sku");
      expect(await catalog.deleteProduct(step(second.id, 1), admin));
      const restored = expect(await catalog.restoreProduct(step(first.id, 3), admin));
      assert.deepEqual([restored.status, restored.details], ["draft", first.details]);
      const third = await draft();
      assert.deepEqual(third, clash);
    });

    test("have a slug and skus that no other has", async () => {
      await using shop = await given();
      const { draft, catalog, admin, step } = shop;
      const first = expect(await draft());
      const clash = err({ type: "product-clash", slug: "red-t-shirt", skus: ["M"] });
      assert.deepEqual(await draft({ skus: ["M", "L"] }), clash);
      const other = expect(await draft({ slug: "other", skus: ["L"] }));
      const take = read(EditProduct, { productId: other.id, expectedVersion: 1, skus: ["L", "M"] });
      const refused = await catalog.editProduct(take, admin);
      assert.deepEqual(refused, err({ type: "product-clash", skus: ["M"] }));

      expect(await catalog.deleteProduct(step(first.id, 1), admin));
      assert.equal(expect(await catalog.editProduct(take, admin)).version, 2);
      assert.equal((await draft({ skus: [] })).ok, true);
    });

    test("exactly one of many concurrent drafts of a sku succeeds", async () => {
      await using shop = await given();
      const drafts = Array.from({ length: authors }, (_, i) => shop.draft({ slug: `s${i}` }));
      const outcomes = await Promise.all(drafts);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
      for (const outcome of outcomes)
        if (!outcome.ok) assert.ok(["product-clash", "conflict"].includes(outcome.error.type));
    });

    test("the later of two editors is refused and told the current version", async () => {
      await using shop = await given();
      const { id: productId } = expect(await shop.draft());
      const rename = (to: string) =>
        shop.catalog.editProduct(
          read(EditProduct, { productId, expectedVersion: 1, name: to }),
          shop.admin,
        );
      const outcomes = await Promise.all([rename("First"), rename("Second")]);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
      const late = outcomes.find((outcome) => !outcome.ok);
      assert.deepEqual(late, err({ type: "precondition-failed", currentVersion: 2 }));
    });

    test("are visible as drafts to their owner only and changed with a permission", async () => {
      await using shop = await given();
      const { catalog, draft, somebody, step, page } = shop;
      const merchant = await (await somebody("merchant@example.com", "merchant")).asking();
      const ada = await (await somebody("ada@example.com")).asking();
      const denied = err({ type: "forbidden", permission: "products:create" });
      assert.deepEqual(await draft({}, ada), denied);
      const made = expect(await draft({}, merchant));
      const unseen = err({ type: "product-not-found" });
      for (const context of [ada, await shop.stranger()]) {
        assert.deepEqual(await page(made.id, context), unseen);
        assert.deepEqual(await catalog.publishProduct(step(made.id, 1), context), unseen);
        const drafts = await catalog.listProducts(read(ListProducts, { status: "draft" }), context);
        assert.deepEqual(drafts, err({ type: "forbidden", permission: "products:read" }));
      }
      expect(await catalog.publishProduct(step(made.id, 1), merchant));
      assert.equal(expect(await page(made.id, await shop.stranger())).product.version, 2);
      const refused = await catalog.archiveProduct(step(made.id, 2), ada);
      assert.deepEqual(refused, err({ type: "forbidden", permission: "products:archive" }));
    });

    test("are changed by sellers who may change their own, while they are sellers", async () => {
      await using shop = await given();
      const { catalog, draft, somebody, house, asAdmin } = shop;
      await shop.role("seller", ["products:create", "products:read:own", "products:update:own"]);
      const ada = await somebody("ada@example.com", "seller");
      const bob = await (await somebody("bob@example.com", "seller")).asking();
      const hers = expect(await draft({}, await ada.asking()));
      const rename = (expectedVersion: number, context: typeof bob) =>
        catalog.editProduct(
          read(EditProduct, { productId: hers.id, expectedVersion, name: "New name" }),
          context,
        );
      expect(await rename(1, await ada.asking()));
      assert.deepEqual(await rename(2, bob), err({ type: "product-not-found" }));
      const keyed = { ...(await ada.asking()), scopes: ["products:read:own"] };
      const forbidden = err({ type: "forbidden", permission: "products:update" });
      assert.deepEqual(await rename(2, keyed), forbidden);

      const roles = { userId: ada.userId, roles: ["member"] } as never;
      expect(await house.identity.assignRoles(roles, await asAdmin()));

      const lost = await rename(2, await ada.asking());
      assert.deepEqual(lost, err({ type: "product-not-found" }));
    });

    test("cannot be archived as drafts", async () => {
      await using shop = await given();
      const { id } = expect(await shop.draft());
      const refused = await shop.catalog.archiveProduct(shop.step(id, 1), shop.admin);
      assert.deepEqual(refused, err({ type: "product-is-draft" }));
      const unseen = err({ type: "product-not-found" });
      assert.deepEqual(await shop.page(id, await shop.stranger()), unseen);
    });

    test("are listed by status, category and owner, everyone once", async () => {
      await using shop = await given();
      const { catalog, admin, draft, onSale } = shop;
      const shelf = { name: "Shirts", slug: "shirts" };
      const { id } = expect(await catalog.createCategory(read(CreateCategory, shelf), admin));
      const ids: string[] = [];
      for (let i = 0; i < 5; i += 1)
        ids.push((await onSale({ slug: `p${i}`, skus: [`S${i}`], categoryIds: [id] })).id);
      const hidden = expect(await draft({ slug: "hidden" }));
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const query = { limit: 2, categoryId: id, ...(cursor === undefined ? {} : { cursor }) };
        const list = expect(await catalog.listProducts(read(ListProducts, query), admin));
        seen.push(...list.items.map((product) => product.id));
        cursor = list.nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, ids);
      const mine = read(ListProducts, { status: "draft", ownerId: shop.adminId });
      const drafts = expect(await catalog.listProducts(mine, admin)).items;
      assert.deepEqual(drafts, [hidden]);
      const both = read(ListProducts, { ownerId: shop.adminId, categoryId: id, limit: 2 });
      const page = expect(await catalog.listProducts(both, admin));
      assert.deepEqual(
        [page.items.map((product) => product.id), page.nextCursor],
        [ids.slice(0, 2), ids[1]],
      );
      const below = { name: "Long", slug: "long", parentId: id };
      const long = expect(await catalog.createCategory(read(CreateCategory, below), admin));
      const inBoth = { slug: "deep", skus: ["DEEP"], categoryIds: [id, long.id] };
      const deep = (await onSale(inBoth)).id;
      for (const more of [{}, { ownerId: shop.adminId }]) {
        const within = read(ListProducts, { categoryId: id, ...more });
        const found = expect(await catalog.listProducts(within, admin)).items;
        assert.deepEqual(
          found.map((product) => product.id),
          [...ids, deep],
          "with subcategories, everyone once",
        );
        const leaf = read(ListProducts, { categoryId: long.id, ...more });
        assert.equal(expect(await catalog.listProducts(leaf, admin)).items.length, 1);
      }
      const gone = read(EditProduct, { productId: ids[0], expectedVersion: 2, categoryIds: [] });
      expect(await catalog.editProduct(gone, admin));
      const left = read(ListProducts, { categoryId: id });
      assert.equal(expect(await catalog.listProducts(left, admin)).items.length, 5);
      const lost = await draft({ slug: "x", skus: [], categoryIds: [newId(CategoryId)] });
      assert.deepEqual(lost.ok ? "" : lost.error.type, "category-not-found");
    });

    test("lose their owner when the owner is deleted", async () => {
      await using shop = await given();
      const { draft, onSale, subject, admin } = shop;
      const made = expect(await draft());
      const kept = await onSale({ slug: "kept", skus: ["K"] });
      const ownerId = expect(OwnerId.parse(shop.adminId));
      expect(
        await subject.unitOfWork(admin, async (scope) => {
          await clearOwner(scope, ownerId);
          return ok(undefined);
        }),
      );
      assert.equal(expect(await shop.page(made.id)).product.ownerId, undefined);
      assert.equal(expect(await shop.page(kept.id)).product.ownerId, undefined);
    });
  });

  describe(`categories on ${name}`, () => {
    test("are a tree without cycles, also when two of them move at once", async () => {
      await using shop = await given();
      const { catalog, admin } = shop;
      const create = async (slug: string, parentId?: string) =>
        expect(
          await catalog.createCategory(
            read(CreateCategory, { name: slug, slug, ...(parentId ? { parentId } : {}) }),
            admin,
          ),
        );
      const [a, b] = [await create("a"), await create("b")];
      const move = (categoryId: string, parentId: string) =>
        catalog.updateCategory(
          read(UpdateCategory, { categoryId, parentId, expectedVersion: 1 }),
          admin,
        );
      const outcomes = await Promise.all([move(a.id, b.id), move(b.id, a.id)]);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
      const refused = outcomes.find((outcome) => !outcome.ok);
      assert.deepEqual(refused, err({ type: "category-cycle" }));
      const again = read(CreateCategory, { name: "A", slug: "a" });
      const clash = err({ type: "category-clash", slug: "a" });
      assert.deepEqual(await catalog.createCategory(again, admin), clash);
      const rename = read(UpdateCategory, { categoryId: a.id, name: "A", expectedVersion: 9 });
      const late = await catalog.updateCategory(rename, admin);
      assert.equal(late.ok ? "" : late.error.type, "precondition-failed");
      const moved = expect(await catalog.listCategories({}, admin)).find(
        ({ parentId }) => parentId !== undefined,
      );
      assert.ok(moved);
      const top = { categoryId: moved.id, parentId: null, expectedVersion: moved.version };
      const back = expect(await catalog.updateCategory(read(UpdateCategory, top), admin));
      assert.equal(back.parentId, undefined);
      const all = expect(await catalog.listCategories({}, admin));
      assert.deepEqual(
        all.map(({ slug }) => slug),
        ["a", "b"],
      );
    });
  });

  describe(`prices on ${name}`, () => {
    test("are known for every day, before and after they change", async () => {
      await using shop = await given();
      const { catalog, admin, price, clock } = shop;
      const { id: productId } = await shop.onSale();
      const dayMs = 24 * 60 * minuteMs;
      const day = (n: number) => Instant.plus(clock.now(), n * dayMs);
      const first = expect(await price(productId, "19.90", { validFrom: day(-10) }));
      expect(await price(productId, "17.50", { minimumQuantity: 10, validFrom: day(-10) }));
      const second = expect(await price(productId, "24.90", { validFrom: day(5) }));
      const costs = async (n: number, more: object = {}) => {
        const query = read(ListPrices, { productId, at: day(n), ...more });
        return expect(await catalog.listPrices(query, admin)).map((one) => one.price.minor);
      };
      assert.deepEqual(await costs(-11), []);
      assert.deepEqual(await costs(-10), [1990n, 1750n]);
      assert.deepEqual(await costs(5), [2490n, 1750n]);
      assert.deepEqual(await costs(0, { currency: "USD" }), []);
      assert.deepEqual(await costs(0, { list: "standard" }), [1990n, 1750n]);
      const rival = await price(productId, "1", { validFrom: day(5) });
      assert.deepEqual(rival, err({ type: "price-overlaps", priceId: second.id }));

      const later = read(EndPrice, { priceId: second.id, validUntil: day(8) });
      expect(await catalog.endPrice(later, admin));
      assert.deepEqual(await costs(8), [1750n]);
      const ended = await catalog.endPrice(read(EndPrice, { priceId: first.id }), admin);
      assert.deepEqual(ended, ok(undefined));
      assert.deepEqual(await costs(0), [1750n]);

      const planned = expect(await price(productId, "3.00", { validFrom: day(20) }));
      assert.deepEqual(await costs(20), [300n, 1750n]);
      expect(await catalog.endPrice(read(EndPrice, { priceId: planned.id }), admin));
      assert.deepEqual(await costs(20), [1750n], "it never began");
    });

    test("one of two prices set at once for the same time succeeds", async () => {
      await using shop = await given();
      const { id } = await shop.onSale();
      const validFrom = shop.clock.now();
      const set = Array.from({ length: 8 }, () => shop.price(id, "1", { validFrom }));
      const outcomes = await Promise.all(set);
      assert.equal(outcomes.filter((outcome) => outcome.ok).length, 1);
    });

    test("require a sku of the product and a permission", async () => {
      await using shop = await given();
      const { id } = await shop.onSale();
      const refused = await shop.price(id, "1", { sku: "NOBODYS" });
      assert.deepEqual(refused, err({ type: "sku-not-found" }));
      const ada = await (await shop.somebody("ada@example.com")).asking();
      const mine = read(SetPrice, {
        productId: id,
        sku: "M",
        price: { amount: "0", currency: "EUR" },
      });
      const denied = await shop.catalog.setPrice(mine, ada);
      assert.equal(denied.ok ? "" : denied.error.type, "forbidden");
    });
  });

  describe(`a product page on ${name}`, () => {
    test("has the product with its stock and its prices", async () => {
      await using shop = await given();
      const { id } = await shop.onSale({ skus: ["M", "L"] });
      expect(await shop.receive(3));
      expect(await shop.receive(4, "L"));
      expect(await shop.price(id, "19.90"));
      const { stock, prices } = expect(await shop.page(id));
      assert.ok(stock.status === "live" && prices.status === "live");
      assert.deepEqual(
        stock.value.map(({ sku, available }) => [sku, available]),
        [
          ["L", 4],
          ["M", 3],
        ],
      );
      assert.deepEqual(
        prices.value.map(({ price }) => price.minor),
        [1990n],
      );
    });
  });
}
