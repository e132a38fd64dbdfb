import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import { catalogOn, type OpenCatalog } from "./fixtures.ts";
import { read } from "./shop.ts";
import { CreateCategory, UpdateCategory } from "../application/products/categories.ts";
import { AdjustStock, ReceiveStock } from "../application/stock/count-stock.ts";
import { CreateDraft } from "../application/products/draft-product.ts";
import { EditProduct } from "../application/products/edit-product.ts";
import { EndPrice, SetPrice } from "../application/prices/prices.ts";
import { ProductStep } from "../application/products/product-lifecycle.ts";
import { ReserveStock } from "../application/stock/reserve-stock.ts";
import { SearchProducts } from "../application/search/search-products.ts";

const hourMs = 3_600_000;

/** What is found of the catalog, on every adapter of its read model. */
export function searchContract(name: string, open: OpenCatalog): void {
  const given = async () => {
    const shop = await catalogOn(open);
    const { catalog, subject } = shop;
    const admin = { ...(await shop.asAdmin()), deadlineMs: shop.clock.unixMs() + hourMs };
    let made = 0;
    const draft = async (more: object = {}) => {
      made += 1;
      const input = { name: `Thing ${made}`, description: "Soft.", skus: [`S${made}`], ...more };
      return expect(await catalog.draftProduct(read(CreateDraft, input), admin));
    };
    const step = ({ id, version }: { readonly id: string; readonly version: number }) =>
      read(ProductStep, { productId: id, expectedVersion: version });
    const onSale = async (more: object = {}) =>
      expect(await catalog.publishProduct(step(await draft(more)), admin));
    const receive = async (sku: string, quantity: number) =>
      expect(await catalog.receiveStock(read(ReceiveStock, { sku, quantity }), admin));
    const adjust = async (sku: string, by: number) =>
      expect(await catalog.adjustStock(read(AdjustStock, { sku, by, reason: "counted" }), admin));
    const price = async (productId: string, sku: string, amount: string, more: object = {}) => {
      const cost = { productId, sku, price: { amount, currency: "EUR" }, ...more };
      return expect(await catalog.setPrice(read(SetPrice, cost), admin));
    };
    const search = async (input: object) => {
      await subject.project();
      return catalog.searchProducts(read(SearchProducts, input), await shop.stranger());
    };
    const found = async (input: object) => expect(await search(input));
    const names = async (input: object) =>
      (await found(input)).items.map(({ details }) => String(details.name));
    return { ...shop, admin, draft, step, onSale, receive, adjust, price, search, found, names };
  };

  describe(`a search on ${name}`, () => {
    test("finds published products by words, ignoring case and accents", async () => {
      await using shop = await given();
      const { onSale, draft, names } = shop;
      await onSale({ name: "Café Crème", skus: ["CC-1"] });
      await onSale({ name: "Red T-Shirt", attributes: [{ name: "fabric", value: "Baumwolle" }] });
      await draft({ name: "Hidden cafe" });
      assert.deepEqual(await names({ q: "CAFE creme" }), ["Café Crème"]);
      assert.deepEqual(await names({ q: "t-shirt" }), ["Red T-Shirt"]);
      assert.deepEqual(await names({ q: "baumwolle" }), ["Red T-Shirt"]);
      assert.deepEqual(await names({ q: "cc-1" }), ["Café Crème"]);
      assert.deepEqual(await names({ q: "soft" }), ["Red T-Shirt", "Café Crème"], "newest first");
      assert.deepEqual(await names({ q: "red creme" }), [], "all words, not any");
      assert.deepEqual(await names({}), ["Red T-Shirt", "Café Crème"]);
    });

    test("finds products with endless words, cut between two letters", async () => {
      await using shop = await given();
      const name = `${"a".repeat(63)}\u{20000}\u{20001}`;
      await shop.onSale({ name: "Long", description: name });
      await shop.onSale({ name: "Next" });
      assert.deepEqual(await shop.names({ q: name }), ["Long"]);
      assert.deepEqual(await shop.names({}), ["Next", "Long"]);
    });

    test("follows every step of a product", async () => {
      await using shop = await given();
      const { catalog, admin, step, draft, names } = shop;
      const first = await draft({ name: "Old name" });
      assert.deepEqual(await names({ q: "old" }), []);
      const published = expect(await catalog.publishProduct(step(first), admin));
      assert.deepEqual(await names({ q: "old" }), ["Old name"]);
      const change = { productId: first.id, expectedVersion: published.version, name: "New name" };
      const edited = expect(await catalog.editProduct(read(EditProduct, change), admin));
      assert.deepEqual(await names({ q: "new" }), ["New name"]);
      assert.deepEqual(await names({ q: "old" }), []);
      expect(await catalog.archiveProduct(step(edited), admin));
      assert.deepEqual(await names({ q: "new" }), []);
      const archived = { ...edited, version: edited.version + 1 };
      const restored = expect(await catalog.restoreProduct(step(archived), admin));
      const again = expect(await catalog.publishProduct(step(restored), admin));
      assert.deepEqual(await names({ q: "new" }), ["New name"]);
      expect(await catalog.unpublishProduct(step(again), admin));
      assert.deepEqual(await names({ q: "new" }), []);
      const gone = await draft({ name: "Never sold" });
      expect(await catalog.deleteProduct(step(gone), admin));
      assert.deepEqual(await names({}), []);
    });

    test("replaces words that no product has by those near them, and says so", async () => {
      await using shop = await given();
      await shop.onSale({ name: "Hoodie" });
      await shop.onSale({ name: "Teapot" });
      const misspelled = await shop.found({ q: "hodie" });
      assert.deepEqual(
        misspelled.items.map(({ details }) => details.name),
        ["Hoodie"],
      );
      assert.deepEqual(misspelled.instead, [{ word: "hodie", words: ["hoodie"] }]);
      const begun = await shop.found({ q: "tea" });
      assert.deepEqual(begun.instead, [{ word: "tea", words: ["teapot"] }]);
      assert.equal(begun.items.length, 1);
      await shop.onSale({ name: "Молоко 𝒜𝒷𝒸" });
      assert.deepEqual((await shop.found({ q: "молокко" })).instead, [
        { word: "молокко", words: [] },
      ]);
      assert.deepEqual((await shop.found({ q: "моло" })).items.length, 1);
      const unknown = await shop.found({ q: "xylophone", facets: true });
      assert.deepEqual([unknown.items, unknown.instead], [[], [{ word: "xylophone", words: [] }]]);
      assert.deepEqual((await shop.found({ q: "4711" })).instead, [{ word: "4711", words: [] }]);
    });

    test("finds products by category, with its subcategories, and by attribute", async () => {
      await using shop = await given();
      const { catalog, admin, onSale, names } = shop;
      const category = async (slug: string, more: object = {}) =>
        expect(
          await catalog.createCategory(read(CreateCategory, { name: slug, slug, ...more }), admin),
        );
      const top = await category("clothes");
      const below = await category("shirts", { parentId: top.id });
      const other = await category("kitchen");
      const colour = (value: string) => ({ attributes: [{ name: "colour", value }] });
      await onSale({ name: "Shirt", categoryIds: [below.id], ...colour("it's: red") });
      await onSale({ name: "Mug", categoryIds: [other.id], ...colour("blue") });
      assert.deepEqual(await names({ categoryId: top.id }), ["Shirt"]);
      assert.deepEqual(await names({ categoryId: below.id }), ["Shirt"]);
      assert.deepEqual(await names({ attribute: ["colour:it's: red"] }), ["Shirt"]);
      assert.deepEqual(await names({ attribute: ["colour:blue"], categoryId: top.id }), []);
      assert.deepEqual(await names({ attribute: ["colour:\\"] }), []);
      const up = { categoryId: below.id, expectedVersion: 1, parentId: other.id };
      expect(await catalog.updateCategory(read(UpdateCategory, up), admin));
      assert.deepEqual(await names({ categoryId: other.id }), ["Mug", "Shirt"], "it moved");
      const nobodys = { categoryId: top.id.replace(/.{4}$/, "0000") };
      assert.deepEqual(await names(nobodys), []);
    });

    test("finds products in stock as reservations come and go", async () => {
      await using shop = await given();
      const { catalog, admin, onSale, receive, adjust, names, clock } = shop;
      await onSale({ name: "Mug", skus: ["MUG", "MUG-L"] });
      await onSale({ name: "Lamp", skus: ["LAMP"] });
      const inStock = () => names({ inStock: true });
      assert.deepEqual(await inStock(), []);
      await receive("MUG-L", 2);
      assert.deepEqual(await inStock(), ["Mug"]);
      const order = read(ReserveStock, { sku: "MUG-L", quantity: 2 });
      expect(await catalog.reserveStock(order, admin));
      assert.deepEqual(await inStock(), []);
      clock.advance(16 * 60_000);
      expect(await catalog.releaseExpired({}, await shop.asAdmin()));
      assert.deepEqual(await inStock(), ["Mug"]);
      await adjust("MUG-L", -2);
      assert.deepEqual(await inStock(), []);
      await receive("LAMP", 1);
      assert.deepEqual(await inStock(), ["Lamp"]);
    });

    test("finds products by current price and shows the lowest", async () => {
      await using shop = await given();
      const { catalog, admin, onSale, price, names, found, clock } = shop;
      const mug = await onSale({ name: "Mug", skus: ["MUG", "MUG-L"] });
      const lamp = await onSale({ name: "Lamp", skus: ["LAMP"] });
      await price(mug.id, "MUG", "9.00");
      await price(mug.id, "MUG-L", "12.00");
      await price(mug.id, "MUG", "1.00", { minimumQuantity: 100 });
      const dear = await price(lamp.id, "LAMP", "50.00");
      const within = (minPrice: string, maxPrice: string) =>
        names({ currency: "EUR", minPrice, maxPrice });
      assert.deepEqual(await within("10", "20"), ["Mug"]);
      assert.deepEqual(await within("0", "5"), [], "of one unit, not of a hundred");
      assert.deepEqual(await within("9", "50"), ["Lamp", "Mug"]);
      assert.deepEqual(await names({ currency: "USD", minPrice: "1" }), []);
      assert.deepEqual(await names({ currency: "EUR", list: "wholesale", maxPrice: "99" }), []);
      const shown = (await found({ currency: "EUR" })).items.map((hit) => hit.price?.minor);
      assert.deepEqual(shown, [5_000n, 900n]);
      const later = "2100-01-01T00:00:00.000Z";
      await price(lamp.id, "LAMP", "5.00", { validFrom: later });
      assert.deepEqual(await within("4", "6"), [], "it has not begun");
      clock.advance(1_000);
      expect(await catalog.endPrice(read(EndPrice, { priceId: dear.id }), admin));
      assert.deepEqual(await within("40", "60"), [], "it is over");
      assert.deepEqual(await names({ currency: "EUR" }), ["Lamp", "Mug"], "no price is no bar");
    });

    test("removes a price that is withdrawn before it is valid", async () => {
      await using shop = await given();
      const lamp = await shop.onSale({ skus: ["LAMP"] });
      const at = { validFrom: "2100-01-01T00:00:00.000Z" };
      const never = await shop.price(lamp.id, "LAMP", "5.00", at);
      expect(await shop.catalog.endPrice(read(EndPrice, { priceId: never.id }), shop.admin));
      assert.deepEqual(await shop.names({ currency: "EUR", maxPrice: "9" }), []);
    });

    test("counts facets of the matches", async () => {
      await using shop = await given();
      const { catalog, admin, onSale, receive, found } = shop;
      const input = read(CreateCategory, { name: "Kitchen", slug: "kitchen" });
      const { id } = expect(await catalog.createCategory(input, admin));
      const colour = (value: string) => ({ attributes: [{ name: "colour", value }] });
      await onSale({ name: "Red mug", skus: ["A"], categoryIds: [id], ...colour("red") });
      await onSale({ name: "Red lamp", skus: ["B"], ...colour("red") });
      await onSale({ name: "Blue mug", skus: ["C"], categoryIds: [id], ...colour("blue") });
      await receive("A", 1);
      const { facets, items } = await found({ q: "mug", facets: true, limit: 1 });
      assert.equal(items.length, 1);
      assert.deepEqual(facets, {
        products: 2,
        isComplete: true,
        inStock: 1,
        categories: [{ categoryId: id, products: 2 }],
        attributes: [
          { name: "colour", value: "blue", products: 1 },
          { name: "colour", value: "red", products: 1 },
        ],
      });
      const all = (await found({ facets: true })).facets?.attributes;
      assert.deepEqual(all?.[0], { name: "colour", value: "red", products: 2 });
    });

    test("pages show each product once", async () => {
      await using shop = await given();
      for (let i = 0; i < 5; i += 1) await shop.onSale({ name: `Mug ${i}` });
      const seen: string[] = [];
      let cursor: string | undefined;
      do {
        const { items, nextCursor } = await shop.found({
          q: "mug",
          limit: 2,
          ...(cursor === undefined ? {} : { cursor }),
        });
        seen.push(...items.map(({ details }) => details.name));
        cursor = nextCursor;
      } while (cursor !== undefined);
      assert.deepEqual(seen, ["Mug 4", "Mug 3", "Mug 2", "Mug 1", "Mug 0"]);
    });

    test("follows a sku that goes from one product to another", async () => {
      await using shop = await given();
      const { catalog, admin, onSale, receive, names } = shop;
      const first = await onSale({ name: "First", skus: ["A", "B"] });
      await receive("A", 1);
      const give = { productId: first.id, expectedVersion: first.version, skus: ["B"] };
      expect(await catalog.editProduct(read(EditProduct, give), admin));
      assert.deepEqual(await names({ inStock: true }), []);
      await onSale({ name: "Second", skus: ["A"] });
      assert.deepEqual(await names({ inStock: true }), ["Second"]);
    });

    test("refuses invalid criteria", async () => {
      await using shop = await given();
      const reasonOf = (input: object) => shop.search(input);
      const invalid = (reason: string) => err({ type: "search-invalid", reason });
      assert.deepEqual(await reasonOf({ minPrice: "1" }), invalid("currency-missing"));
      const fractions = { currency: "JPY", maxPrice: "1.5" };
      assert.deepEqual(await reasonOf(fractions), invalid("price-invalid"));
      assert.deepEqual(await reasonOf({ q: "!?" }), invalid("no-word"));
      const long = "a b c d e f g h i j k l m n";
      assert.deepEqual(await reasonOf({ q: long }), invalid("too-many-words"));
      const blank = { attribute: ["colour:   "] };
      assert.deepEqual(await reasonOf(blank), invalid("attribute-invalid"));
    });
  });
}
