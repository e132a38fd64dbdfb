import assert from "node:assert/strict";
import { describe, test } from "node:test";
import pg from "pg";
import { statement } from "#platform/postgres/database.ts";
import { signUp, type Served } from "../support/basalt.ts";
import { verify } from "../support/emails.ts";
import { ask, get, post, sell, serve, shirt, type Json } from "../support/http.ts";
import { until } from "../support/until.ts";

import { reserve, stockOf } from "./shop.ts";

const counted = statement<{ readonly n: number }>(
  "test.catalog-events",
  "select count(*) as n from catalog.events",
);
const eventsOf = async ({ opened }: Served) => (await opened.database.query(counted, []))[0]?.n;

describe("the catalog over HTTP", () => {
  test("a product is drafted, priced, published, seen, and sells out", async () => {
    await using served = await serve();
    const id = await sell(served, 2);
    const price = { sku: "TS-M", price: { amount: "19.90", currency: "EUR" } };
    assert.equal((await post(served, `/products/${id}/prices`, price)).status, 201);
    const buyers = ["ada@example.com", "bob@example.com"];
    for (const email of buyers) {
      const buyer = await signUp(served, email);
      const { headers } = buyer;
      assert.equal(
        (await reserve({ ...served, headers }, 1)).status,
        403,
        "the address is not verified",
      );
      await verify(served, email, buyer);
      const reserved = await reserve({ ...served, headers }, 1);
      assert.equal(reserved.status, 201);
      const bought = `/reservations/${String(reserved.body["id"])}/commitment`;
      assert.equal((await post({ ...served, headers }, bought)).status, 403, "nothing is paid yet");
      assert.equal((await post(served, bought)).status, 204);
    }
    const late = await reserve(served, 1);
    assert.deepEqual([late.status, late.body["code"]], [409, "OUT_OF_STOCK"]);
    assert.deepEqual(late.body["details"], { available: 0 });
    const page = (await fetch(`${served.url}/api/v1/products/${id}`).then((answer) =>
      answer.json(),
    )) as { stock: Json; prices: { items: readonly Json[] } };
    const none = { sku: "TS-M", location: "main", onHand: 0, reserved: 0, available: 0 };
    assert.deepEqual(page.stock, { status: "live", items: [none] });
    assert.deepEqual(page.prices.items[0]?.["price"], price.price);
  });

  test("64 concurrent buyers get exactly ten units, and the others 409", async () => {
    await using served = await serve();
    await sell(served, 10);
    const answers = await Promise.all(Array.from({ length: 64 }, () => reserve(served, 1)));
    const statuses = answers.map(({ status }) => status).toSorted((a, b) => a - b);
    assert.deepEqual(statuses, [...Array(10).fill(201), ...Array(54).fill(409)]);
  });

  test("a repeated request reserves once, sets one price, and gets the first answer", async () => {
    await using served = await serve();
    const id = await sell(served, 10);
    const key = { "idempotency-key": "again" };
    const [first, second] = [await reserve(served, 2, key), await reserve(served, 2, key)];
    assert.deepEqual(second, first);
    assert.equal((await stockOf(served))?.["available"], 8);
    const price = { sku: "TS-M", price: { amount: "90071992547409.93", currency: "EUR" } };
    const set = () => post(served, `/products/${id}/prices`, price, { "idempotency-key": "p" });
    const [priced, again] = [await set(), await set()];
    assert.equal(priced.status, 201, priced.text);
    assert.deepEqual(again, priced);
    assert.deepEqual(priced.body["price"], price.price);
  });

  test("a change without its version is 428, of an old one 412", async () => {
    await using served = await serve();
    const path = `/products/${await sell(served, 1)}`;
    const rename = (more: object) => ask(served, "PATCH", path, { body: { name: "New" }, more });
    assert.equal((await rename({})).body["code"], "PRECONDITION_REQUIRED");
    assert.equal((await rename({ "if-match": "*" })).status, 428);
    assert.equal((await rename({ "if-match": '"1"' })).status, 412);
    assert.equal((await rename({ "if-match": 'W/"1"' })).status, 412);
    assert.equal((await rename({ "if-match": '"1", "2"' })).status, 400, "it names two versions");
    assert.equal((await rename({ "if-match": "2" })).status, 400);
    const { etag } = await get(served, path);
    const fresh = await ask(served, "GET", path, { more: { "if-none-match": etag } });
    assert.equal(fresh.status, 200, "stock and prices may have changed");
    const ofProxy = `W/${etag}`; // as one that compresses hands it on
    assert.equal((await rename({ "if-match": ofProxy })).status, 200);
    assert.equal((await ask(served, "DELETE", path, { more: { "if-match": '"3"' } })).status, 409);
  });

  test("drafts lose their owner when the user is deleted", async () => {
    await using served = await serve();
    const ada = await signUp(served, "ada@example.com");
    await verify(served, "ada@example.com", ada);
    const roles = { body: { roles: ["member", "merchant"] } };
    assert.equal((await ask(served, "PUT", `/users/${ada.userId}/roles`, roles)).status, 200);
    const drafted = await post({ ...served, headers: ada.headers }, "/products", shirt);
    const path = `/products/${String(drafted.body["id"])}`;
    assert.equal((await get(served, path)).body["ownerId"], ada.userId);
    assert.equal((await ask(served, "DELETE", `/users/${ada.userId}`)).status, 204);
    await until(async () => (await get(served, path)).body["ownerId"] === undefined);
    assert.equal((await get(served, path)).status, 200);
  });

  test("a reservation that nobody buys in time is free again by itself", async () => {
    await using served = await serve();
    await sell(served, 1);
    const path = "/stock/TS-M/reservations";
    const short = await post(served, path, { quantity: 1, holdS: 1 });
    assert.equal(short.status, 201);
    assert.equal((await reserve(served, 1)).status, 409);
    await until(async () => (await stockOf(served))?.["available"] === 1);
    const late = await post(served, `/reservations/${String(short.body["id"])}/commitment`);
    assert.deepEqual(late.body["details"], { status: "expired" });
  });

  test("while the stock is late, the product is answered with what was known last", async () => {
    await using served = await serve();
    const id = await sell(served, 3);
    assert.equal((await get(served, `/products/${id}`)).status, 200);
    const other = await post(served, "/products", { ...shirt, slug: "other", skus: ["TS-L"] });
    const client = new pg.Client(served.opened.connection);
    await client.connect();
    await client.query("begin; lock table catalog.stocks in access exclusive mode");
    const late = (await get(served, `/products/${id}`)).body as {
      readonly stock: { readonly status: string; readonly ageMs: number; readonly items: Json[] };
      readonly prices: Json;
    };
    assert.equal(late.stock.status, "stale");
    assert.ok(late.stock.ageMs > 0);
    assert.equal(late.stock.items[0]?.["available"], 3);
    assert.equal(late.prices["status"], "live");
    const unknown = await get(served, `/products/${String(other.body["id"])}`);
    assert.deepEqual(unknown.body["stock"], { status: "unavailable" });
    await client.query("lock table catalog.products in access exclusive mode");
    const away = await get(served, `/products/${id}`);
    assert.deepEqual([away.status, away.body["code"]], [503, "UNAVAILABLE"]);
    await client.query("rollback");
    await client.end();
    const again = (await get(served, `/products/${id}`)).body["stock"] as Json;
    assert.equal(again["status"], "live");
    const metrics = await (await fetch(`${served.url}/metrics`)).text();
    assert.match(metrics, /basalt_answer_parts_total\{part="stock",status="stale"\} \d/);
  });
});

test("a catalog whose stock and prices another Basalt keeps shows them, and outlives it", async () => {
  const keeper = await serve();
  const base = `${keeper.url}/api/v1`;
  const urls = { BASALT_CATALOG_STOCK_URL: base, BASALT_CATALOG_PRICES_URL: base };
  await using served = await serve(urls);
  const id = await sell(served, 1);
  const theirs = await sell(keeper, 7);
  const cost = { sku: "TS-M", price: { amount: "5.00", currency: "EUR" } };
  assert.equal((await post(keeper, `/products/${theirs}/prices`, cost)).status, 201);
  type Part = { readonly status: string; readonly items: readonly Json[] };
  const parts = async () => {
    const { status, body } = await get(served, `/products/${id}`);
    assert.equal(status, 200);
    return { stock: body["stock"] as Part, prices: body["prices"] as Part };
  };
  const live = await parts();
  assert.deepEqual([live.stock.status, live.stock.items[0]?.["available"]], ["live", 7]);
  assert.deepEqual([live.prices.status, live.prices.items[0]?.["price"]], ["live", cost.price]);

  await keeper[Symbol.asyncDispose]();
  for (let i = 0; i < 10; i += 1) {
    const late = await parts();
    assert.deepEqual([late.stock.status, late.stock.items], ["stale", live.stock.items]);
    assert.deepEqual([late.prices.status, late.prices.items], ["stale", live.prices.items]);
  }
  const metrics = await (await fetch(`${served.url}/metrics`)).text();
  assert.match(metrics, /basalt_upstream_broken\{upstream="stock"\} 1/);
});

test("an address that is none is refused at the start, by the name of its setting", async () => {
  await assert.rejects(
    serve({ BASALT_CATALOG_STOCK_URL: "localhost:3000" }),
    /BASALT_CATALOG_STOCK_URL/,
  );
});

const price = (amount: unknown, currency: unknown, more: object = {}) => ({
  sku: "TS-M",
  price: { amount, currency },
  ...more,
});
const wrong: readonly (readonly [string, string, unknown, number])[] = [
  ["no units", "/stock/TS-M/reservations", { quantity: 0 }, 400],
  ["fewer units than none", "/stock/TS-M/receipts", { quantity: -1 }, 400],
  ["half a unit", "/stock/TS-M/reservations", { quantity: 0.5 }, 400],
  ["units as text", "/stock/TS-M/reservations", { quantity: "1" }, 400],
  ["more units than anybody counts", "/stock/TS-M/receipts", { quantity: 1e9 }, 422],
  ["more than a number holds", "/stock/TS-M/receipts", { quantity: 1e300 }, 400],
  ["an adjustment by nothing", "/stock/TS-M/adjustments", { by: 0, reason: "x" }, 422],
  ["an adjustment below nothing", "/stock/TS-M/adjustments", { by: -99, reason: "x" }, 409],
  ["an adjustment without a reason", "/stock/TS-M/adjustments", { by: 1 }, 400],
  ["a sku that nobody has", "/stock/NONE/receipts", { quantity: 1 }, 404],
  ["a path as sku", "/stock/..%2F..%2Fetc/receipts", { quantity: 1 }, 400],
  ["no currency", "/products/{id}/prices", price("1", "ZZZ"), 400],
  ["a price as a number", "/products/{id}/prices", price(1.1, "EUR"), 400],
  ["a negative price", "/products/{id}/prices", price("-1", "EUR"), 422],
  ["a tenth of a cent", "/products/{id}/prices", price("1.001", "EUR"), 422],
  ["half a yen", "/products/{id}/prices", price("1.5", "JPY"), 422],
  ["a price of too many digits", "/products/{id}/prices", price("9".repeat(30), "EUR"), 400],
  [
    "a price that ends before it begins",
    "/products/{id}/prices",
    price("1", "EUR", { validFrom: "2026-02-01T00:00:00Z", validUntil: "2026-01-01T00:00:00Z" }),
    422,
  ],
  ["a price from no day", "/products/{id}/prices", price("1", "EUR", { validFrom: "soon" }), 422],
  [
    "a price from 30 February",
    "/products/{id}/prices",
    price("1", "EUR", { validFrom: "2027-02-30" }),
    422,
  ],
  [
    "a price from a year that no calendar has",
    "/products/{id}/prices",
    price("1", "EUR", { validFrom: "0000-01-01T00:00:00Z" }),
    422,
  ],
  ["another product's sku", "/products", { ...shirt, slug: "x" }, 409],
  ["another product's slug", "/products", { name: "Red T-Shirt" }, 409],
  ["a slug with a slash", "/products", { name: "X", slug: "a/b" }, 400],
  ["a name of spaces", "/products", { name: "   " }, 422],
  ["a script for an image", "/products", { name: "X", images: ["javascript:alert(1)"] }, 400],
  [
    "too many skus",
    "/products",
    { name: "X", skus: Array.from({ length: 101 }, (_, i) => `S${i}`) },
    400,
  ],
  ["a category that nobody made", "/categories", { name: "X", slug: "x", parentId: "x" }, 400],
  ["a field that is not known", "/products", { name: "X", status: "published" }, 400],
];

describe("the catalog refuses", () => {
  test("each invalid request with a problem and keeps nothing of it", async () => {
    await using served = await serve();
    const id = await sell(served, 5);
    const before = await eventsOf(served);
    for (const [what, path, body, status] of wrong) {
      const answer = await post(served, path.replace("{id}", id), body);
      assert.equal(answer.status, status, `${what}: ${answer.text}`);
      assert.equal(typeof answer.body["code"], "string", what);
      assert.doesNotMatch(answer.text, /select|insert|\.ts:|at Object/i, what);
    }
    assert.equal(await eventsOf(served), before);
  });
});
