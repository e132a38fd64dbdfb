import type { OpenCatalog } from "./fixtures.ts";
import { catalogOn } from "./fixtures.ts";
import { expect } from "#kernel/result.ts";
import type { Infer, Value } from "#kernel/shape.ts";
import { GetStock, ReceiveStock } from "../application/stock/count-stock.ts";
import { CreateDraft } from "../application/products/draft-product.ts";
import { GetProduct } from "../application/products/get-product.ts";
import { SetPrice } from "../application/prices/prices.ts";
import { ProductStep } from "../application/products/product-lifecycle.ts";
import { ReserveStock } from "../application/stock/reserve-stock.ts";

/** What a use case is given where it comes from outside. */
export const read = <V extends Value<unknown>>(value: V, input: object): Infer<V> =>
  expect(value.parse(input)) as Infer<V>;

/** A catalog with an administrator, and what they do all the time. */
export async function openShop(open: OpenCatalog) {
  const shop = await catalogOn(open);
  const { catalog, asAdmin } = shop;
  const admin = await asAdmin();
  const draft = async (more: object = {}, context = admin) =>
    catalog.draftProduct(
      read(CreateDraft, { name: "Red T-Shirt", description: "Soft.", skus: ["M"], ...more }),
      context,
    );
  const step = (productId: string, expectedVersion: number) =>
    read(ProductStep, { productId, expectedVersion });
  const onSale = async (more: object = {}) => {
    const { id, version } = expect(await draft(more));
    return expect(await catalog.publishProduct(step(id, version), admin));
  };
  const receive = (quantity: number, sku = "M") =>
    catalog.receiveStock(read(ReceiveStock, { sku, quantity }), admin);
  const reserve = async (quantity: number, context = admin, more: object = {}) =>
    catalog.reserveStock(read(ReserveStock, { sku: "M", quantity, ...more }), context);
  const level = async (context = admin) =>
    expect(await catalog.getStock(read(GetStock, { sku: "M" }), context))[0];
  const page = async (productId: string, context = admin) =>
    catalog.getProduct(read(GetProduct, { productId }), context);
  const price = async (productId: string, amount: string, more: object = {}) =>
    catalog.setPrice(
      read(SetPrice, { productId, sku: "M", price: { amount, currency: "EUR" }, ...more }),
      admin,
    );
  return { ...shop, admin, draft, step, onSale, receive, reserve, level, page, price };
}

export type Shop = Awaited<ReturnType<typeof openShop>>;
