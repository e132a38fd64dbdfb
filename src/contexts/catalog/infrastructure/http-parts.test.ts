import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { systemIds as newId } from "#platform/system.ts";
import { Unavailable } from "#platform/unavailable.ts";
import { testContext } from "#test/context.ts";
import { answering } from "#test/upstream.ts";
import { PriceId, ProductId } from "../domain/ids.ts";
import { Sku } from "../domain/sku.ts";
import { Instant } from "#kernel/instant.ts";
import { httpLevelSource, httpPriceSource } from "./http-parts.ts";

const sku = expect(Sku.parse("M"));
const product = { productId: newId(ProductId), skus: async () => [sku] };
const at = expect(Instant.parse("2026-01-31T00:00:00Z"));
const level = { sku: "M", location: "main", onHand: 3, reserved: 1, available: 2 };
const price = {
  id: newId(PriceId),
  sku: "M",
  list: "standard",
  minimumQuantity: 1,
  price: { amount: "19.90", currency: "EUR" },
  validFrom: at,
};

/** An answer that is late on a busy machine is asked for again. */
const once = <T>(all: readonly T[]): readonly T[] => [...new Set(all)];

describe("stock and prices of another Basalt", () => {
  test("are asked for by sku, and read without what a newer one adds", async () => {
    await using other = await answering({ items: [{ ...level, colour: "red" }], next: 1 });
    const levels = await httpLevelSource(other)(product, testContext());
    assert.deepEqual(levels, [level]);
    assert.deepEqual(once(other.asked), ["/api/v1/stock?skus=M"]);
  });

  test("are asked for by currency and list, at an instant, and become money", async () => {
    await using other = await answering({ items: [price] });
    const filter = { currency: "EUR", list: "standard" } as never;
    const [found] = await httpPriceSource(other)({ ...product, at, filter }, testContext());
    assert.deepEqual(found?.price, { minor: 1990n, currency: "EUR" });
    const query = "skus=M&at=2026-01-31T00%3A00%3A00.000Z&currency=EUR&list=standard";
    assert.deepEqual(once(other.asked), [`/api/v1/prices?${query}`]);
  });

  test("are asked for with a key, where there is one", async () => {
    await using other = await answering({ items: [] });
    await httpLevelSource(other)(product, testContext());
    await httpLevelSource({ ...other, key: "secret" })(product, testContext());
    await httpPriceSource({ ...other, key: "other" })(
      { ...product, at, filter: {} },
      testContext(),
    );
    assert.deepEqual(once(other.shown), [undefined, "Bearer secret", "Bearer other"]);
  });

  test("are not asked for where there is no sku", async () => {
    await using other = await answering({ items: [level] });
    const none = { ...product, skus: async () => [] };
    assert.deepEqual(await httpLevelSource(other)(none, testContext()), []);
    assert.deepEqual(await httpPriceSource(other)({ ...none, at, filter: {} }, testContext()), []);
    assert.deepEqual(other.asked, []);
  });

  for (const [what, answer] of [
    ["no list", { items: "none" }],
    ["null", null],
    ["another kind of thing", { items: [{ name: "Ada" }] }],
    ["stock below nothing", { items: [{ ...level, onHand: -1 }] }],
    ["an item that is none", { items: [null] }],
  ] as const)
    test(`are unavailable when it answers ${what}`, async () => {
      await using other = await answering(answer);
      await assert.rejects(httpLevelSource(other)(product, testContext()), Unavailable);
    });

  test("are unavailable when a price is none in its currency", async () => {
    const odd = { ...price, price: { amount: "19.999", currency: "EUR" } };
    await using other = await answering({ items: [odd] });
    const asked = httpPriceSource(other)({ ...product, at, filter: {} }, testContext());
    await assert.rejects(asked, Unavailable);
  });
});
