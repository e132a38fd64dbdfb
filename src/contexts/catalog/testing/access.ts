import assert from "node:assert/strict";
import { Upload, type Access, type Ids } from "#test/access.ts";
import { asAdmin, type Served, type SignedIn } from "#test/basalt.ts";
import { get } from "#test/http.ts";
import { until } from "#test/until.ts";

/** Makes a shop with one of each thing. */
async function shopOf(served: Served, { userId, headers }: SignedIn): Promise<Ids> {
  const admin = await asAdmin(served);
  const send = async (method: string, path: string, body: object, more: object = headers) => {
    const answer = await fetch(`${served.url}/api/v1${path}`, {
      method,
      headers: { "content-type": "application/json", ...more },
      body: JSON.stringify(body),
    });
    assert.ok(answer.ok, `${path}: ${answer.status}`);
    return (await answer.json()) as { readonly id: string };
  };
  await send("PUT", `/users/${userId}/roles`, { roles: ["member", "merchant"] }, admin.headers);
  const product = { name: "T-Shirt", description: "Soft.", skus: ["M"] };
  const { id: productId } = await send("POST", "/products", product);
  await send("POST", `/products/${productId}/publication`, {}, { ...headers, "if-match": '"1"' });
  await send("POST", "/stock/M/receipts", { quantity: 5 });
  const { id: reservationId } = await send("POST", "/stock/M/reservations", { quantity: 1 });
  const price = { sku: "M", price: { amount: "9.90", currency: "EUR" } };
  const { id: priceId } = await send("POST", `/products/${productId}/prices`, price);
  const { id: categoryId } = await send("POST", "/categories", { name: "Shirts", slug: "shirts" });
  const file = await fetch(`${served.url}/api/v1/imports?kind=stock&dryRun=true`, {
    method: "POST",
    headers: { ...headers, "content-type": "text/csv" },
    body: "sku,on_hand\nM,0\n",
  });
  const { id: importId } = (await file.json()) as { readonly id: string };
  await until(async () => {
    const { body } = await get({ ...served, headers }, `/imports/${importId}`);
    return body["status"] === "finished"; // it appends no event behind the back of a test
  });
  const kind = "stock";
  return { productId, sku: "M", reservationId, priceId, categoryId, importId, kind };
}

export const access: Access = {
  open: [
    "GET /api/v1/categories",
    "GET /api/v1/prices",
    "GET /api/v1/products",
    "GET /api/v1/products/search",
    "GET /api/v1/products/{productId}",
    "GET /api/v1/products/{productId}/prices",
    "GET /api/v1/stock",
    "GET /api/v1/stock/{sku}",
  ],
  everybodys: ["POST /api/v1/stock/{sku}/reservations"],
  bodies: {
    "POST /api/v1/products": { name: "Mine" },
    "PATCH /api/v1/products/{productId}": { name: "Mine now" },
    "DELETE /api/v1/products/{productId}": undefined,
    "POST /api/v1/products/{productId}/publication": undefined,
    "POST /api/v1/products/{productId}/archival": undefined,
    "DELETE /api/v1/products/{productId}/archival": undefined,
    "DELETE /api/v1/products/{productId}/publication": undefined,
    "POST /api/v1/products/{productId}/prices": {
      sku: "M",
      price: { amount: "0.01", currency: "EUR" },
      minimumQuantity: 2,
    },
    "DELETE /api/v1/prices/{priceId}": undefined,
    "POST /api/v1/categories": { name: "Mine", slug: "mine" },
    "PATCH /api/v1/categories/{categoryId}": { name: "Mine" },
    "POST /api/v1/stock/{sku}/receipts": { quantity: 1 },
    "POST /api/v1/stock/{sku}/adjustments": { by: -1, reason: "gone" },
    "POST /api/v1/stock/{sku}/reservations": { quantity: 1 },
    "POST /api/v1/reservations/{reservationId}/commitment": undefined,
    "DELETE /api/v1/reservations/{reservationId}": undefined,
    "GET /api/v1/reservations/{reservationId}": undefined,
    "POST /api/v1/imports": new Upload("sku,on_hand\nM,0\n", "?kind=stock"),
    "GET /api/v1/imports/{importId}": undefined,
    "GET /api/v1/imports/{importId}/progress": undefined,
    "GET /api/v1/imports/{importId}/rows": undefined,
    "GET /api/v1/exports/{kind}": undefined,
  },
  ownersOnly: [],
  thingsOf: shopOf,
};
