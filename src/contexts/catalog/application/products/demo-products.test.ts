import assert from "node:assert/strict";
import { test } from "node:test";
import { demoProduct } from "./demo-products.ts";

const shelf = () => "category_01m7z6w2the00a59hdespx02ww" as never;

test("demo products are the same for one seed, and others for another", () => {
  const made = (seed: number) =>
    Array.from({ length: 200 }, (_, n) => demoProduct({ n, seed }, shelf));
  assert.deepEqual(made(1), made(1));
  assert.notDeepEqual(made(1), made(2));
});

test("demo products differ in slug and sku, and cost less from ten on", () => {
  const all = Array.from({ length: 1_000 }, (_, n) => demoProduct({ n, seed: 1 }, shelf));
  assert.equal(new Set(all.map(({ details }) => details.slug)).size, 1_000);
  const skus = all.flatMap(({ details }) => details.skus);
  assert.equal(new Set(skus).size, skus.length);
  for (const { price, bulkPrice, units } of all) {
    assert.ok(0n < bulkPrice.minor && bulkPrice.minor < price.minor);
    assert.ok(units.length > 0);
  }
});
