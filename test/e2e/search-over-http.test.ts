import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { ask, get, post, sell, serve, type At, type Json } from "../support/http.ts";
import { until } from "../support/until.ts";

import { namesOf, search } from "./shop.ts";

describe("a search over HTTP", () => {
  test("finds a product from its publication to its archival", async () => {
    await using served = await serve();
    const anybody = { url: served.url, headers: {} as At["headers"] };
    const attributes = [{ name: "colour", value: "red" }];
    const id = await sell(served, 3, { attributes });
    const found = async () => (await namesOf(anybody, "q=red+shirt")).length === 1;
    await until(found);
    const cost = { sku: "TS-M", price: { amount: "19.90", currency: "EUR" } };
    assert.equal((await post(served, `/products/${id}/prices`, cost)).status, 201);
    await until(
      async () => (await namesOf(anybody, "currency=EUR&minPrice=19&maxPrice=20")).length === 1,
    );
    const query = "attribute=colour:red&inStock=true&currency=EUR&facets=true";
    const { items, facets } = await search(anybody, query);
    assert.equal(items[0]?.["id"], id);
    assert.deepEqual(items[0]?.["price"], cost.price);
    assert.deepEqual((facets as Json)["attributes"], [{ ...attributes[0], products: 1 }]);

    const reserved = await post(served, "/stock/TS-M/reservations", { quantity: 3 });
    assert.equal(reserved.status, 201);
    await until(async () => (await namesOf(anybody, "inStock=true")).length === 0);
    const page = await get(served, `/products/${id}`);
    const more = { "if-match": page.etag };
    assert.equal((await ask(served, "POST", `/products/${id}/archival`, { more })).status, 200);
    await until(async () => !(await found()));
  });

  test("refuses invalid criteria and hostile input", async () => {
    await using served = await serve();
    await sell(served, 1);
    await until(async () => (await namesOf(served, "")).length === 1);
    const statusOf = async (query: string) =>
      (await get(served, `/products/search?${query}`)).status;
    for (const query of [
      "limit=0",
      "limit=1000",
      "limit=1&limit=2",
      "q=",
      `q=${"a".repeat(201)}`,
      "cursor=x",
      "categoryId=1",
      "attribute=colour",
      "attribute=%27:%27",
      "inStock=perhaps",
      "currency=eur",
      "currency=EUR&minPrice=1e3",
      "unknown=1",
      ...["a", "b"].map((name) => `${name}=${"x".repeat(10_000)}`),
    ])
      assert.equal(await statusOf(query), 400, query);
    for (const query of ["minPrice=1", "q=%00", "q=..", "currency=EUR&minPrice=1.999"])
      assert.equal(await statusOf(query), 422, query);
    for (const query of [
      "q=%27%29%20or%20true%20--",
      "q=zzz%26%21%28%7C",
      "attribute=colour:%27%7C%27",
      "attribute=colour:%5C%27%5C",
      "q=%F0%9F%98%80x",
    ])
      assert.deepEqual(await namesOf(served, query), [], query);
  });
});
