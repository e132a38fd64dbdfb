import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { afterMinutes as at, newId, start } from "#test/values.ts";
import { types } from "../testing/events.ts";
import { Description, Details, Slug, Title } from "./details.ts";
import { OwnerId, ProductId } from "./ids.ts";
import { Product } from "./product.ts";

const title = (text: string) => expect(Title.parse(text));

const holder = newId(OwnerId);

const details = (more: Partial<Details> = {}): Details =>
  expect(
    Details.parse({
      name: "Red T-Shirt",
      slug: "red-t-shirt",
      description: "Soft.",
      skus: ["TS-RED-M"],
      categoryIds: [],
      attributes: [],
      images: [],
      ...more,
    }),
  );

const draft = (more: Partial<Details> = {}) =>
  saved(
    Product.draft({ id: newId(ProductId), ownerId: holder, details: details(more), at: start }),
  );

describe("a product", () => {
  test("is published with a description and a sku, and not without", () => {
    const published = expect(Product.publish(draft(), at(1)));
    assert.equal(published.state.publishedAt, at(1));
    assert.deepEqual(types(published.events), ["catalog.product-published"]);
    const bare = draft({ skus: [], description: "" as Description });
    const refused = err({ type: "not-publishable", missing: ["skus", "description"] });
    assert.deepEqual(Product.publish(bare, at(1)), refused);
    assert.deepEqual(expect(Product.publish(published.state, at(2))).events, []);
  });

  test("is taken off sale for a while, or restored, and is a draft again", () => {
    const onSale = saved(expect(Product.publish(draft(), at(1))));
    const hidden = expect(Product.unpublish(onSale));
    assert.deepEqual(types(hidden.events), ["catalog.product-unpublished"]);
    assert.deepEqual(hidden.state, { ...draft(), id: onSale.id, version: onSale.version });
    assert.deepEqual(expect(Product.unpublish(hidden.state)).events, []);
    assert.deepEqual(Product.restore(onSale), err({ type: "product-is-not-archived" }));

    const archived = saved(expect(Product.archive(onSale, at(2))));
    assert.deepEqual([Product.skusOf(onSale), Product.skusOf(archived)], [["TS-RED-M"], []]);
    const restored = expect(Product.restore(archived));
    assert.deepEqual(types(restored.events), ["catalog.product-restored"]);
    assert.deepEqual(restored.state, { ...hidden.state, version: archived.version });
  });

  test("stays sellable while published and unchanged once archived", () => {
    const onSale = saved(expect(Product.publish(draft(), at(1))));
    const emptied = Product.edit(onSale, details({ skus: [] }));
    assert.deepEqual(emptied, err({ type: "not-publishable", missing: ["skus"] }));
    assert.deepEqual(expect(Product.edit(onSale, details())).events, []);
    const renamed = expect(Product.edit(onSale, details({ name: title("Shirt") })));
    assert.deepEqual(types(renamed.events), ["catalog.product-edited"]);

    const bare = expect(Product.edit(draft(), details({ skus: [] })));
    assert.deepEqual(bare.state.details.skus, []);

    const archived = saved(expect(Product.archive(onSale, at(2))));
    assert.deepEqual(Product.unpublish(archived), err({ type: "product-is-archived" }));
    assert.equal(archived.ownerId, holder);
    assert.equal(archived.archivedAt, at(2));
    assert.deepEqual(expect(Product.archive(archived, at(3))).events, []);
    assert.deepEqual(Product.archive(draft(), at(3)), err({ type: "product-is-draft" }));
    const refused = err({ type: "product-is-archived" });
    assert.deepEqual(Product.edit(archived, details()), refused);
    assert.deepEqual(Product.publish(archived, at(3)), refused);
  });

  test("can be deleted as a draft only and is then not found", () => {
    const onSale = saved(expect(Product.publish(draft(), at(1))));
    assert.deepEqual(Product.delete(onSale), err({ type: "product-is-no-draft" }));
    const gone = expect(Product.delete(draft())).state;
    assert.deepEqual(Product.present(gone), err({ type: "product-not-found" }));
    assert.deepEqual(Product.expected(gone, Version.none), err({ type: "product-not-found" }));
  });

  test("refuses a change of an outdated version", () => {
    const known = draft();
    assert.deepEqual(Product.expected(known, known.version), ok(known));
    const late = err({ type: "precondition-failed", currentVersion: known.version });
    assert.deepEqual(Product.expected(known, Version.none), late);
  });

  test("loses its owner once", () => {
    const cleared = Product.clearOwner(draft());
    assert.equal(cleared.state.ownerId, undefined);
    assert.deepEqual(types(cleared.events), ["catalog.product-owner-cleared"]);
    assert.deepEqual(Product.clearOwner(saved(cleared)).events, []);
    const onSale = saved(expect(Product.publish(saved(cleared), at(1))));
    assert.ok(!("ownerId" in expect(Product.archive(onSale, at(2))).state));
    const nobodys = Product.draft({ id: newId(ProductId), details: details(), at: start });
    assert.ok(!("ownerId" in nobodys.state));
  });

  test("has a slug that reads like its name", () => {
    assert.equal(Slug.of(title("  Réd T-Shirt, size M! ")), "red-t-shirt-size-m");
    assert.equal(Slug.of(title("日本")), undefined);
    assert.equal(Slug.of(title("x".repeat(150)))?.length, 100);
  });
});
