import { Flag } from "#kernel/scalars.ts";
import { event, registry, type EventOf } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { SpelledMoney } from "#kernel/money.ts";
import { line } from "#kernel/line.ts";
import { branded, oneOf, optional } from "#kernel/shape.ts";
import { Details, Slug, Title } from "./details.ts";
import { ImportKind } from "./import-kind.ts";
import { CategoryId, ImportId, OwnerId, PriceId, ProductId, ReservationId } from "./ids.ts";
import { Location } from "./location.ts";
import { PriceList } from "./price-list.ts";
import { Adjustment, Quantity } from "./quantity.ts";
import { Sku } from "./sku.ts";

export const ProductDrafted = event("catalog.product-drafted", 1, {
  productId: ProductId,
  ownerId: optional(OwnerId),
  details: Details,
  draftedAt: Instant,
});
/** `details`: all of them, as they are from now on. */
export const ProductEdited = event("catalog.product-edited", 1, {
  productId: ProductId,
  details: Details,
});
export const ProductPublished = event("catalog.product-published", 1, {
  productId: ProductId,
  publishedAt: Instant,
});
export const ProductArchived = event("catalog.product-archived", 1, {
  productId: ProductId,
  archivedAt: Instant,
});
export const ProductUnpublished = event("catalog.product-unpublished", 1, {
  productId: ProductId,
});
/** `details`: all of them, whose slug and skus it has again. */
export const ProductRestored = event("catalog.product-restored", 1, {
  productId: ProductId,
  details: Details,
});
export const ProductDeleted = event("catalog.product-deleted", 1, { productId: ProductId });
export const ProductOwnerCleared = event("catalog.product-owner-cleared", 1, {
  productId: ProductId,
  previous: OwnerId,
});

export const CategoryCreated = event("catalog.category-created", 1, {
  categoryId: CategoryId,
  name: Title,
  slug: Slug,
  parentId: optional(CategoryId),
});
export const CategoryRenamed = event("catalog.category-renamed", 1, {
  categoryId: CategoryId,
  name: Title,
});
/** Without a parent: it stands at the top. */
export const CategoryMoved = event("catalog.category-moved", 1, {
  categoryId: CategoryId,
  parentId: optional(CategoryId),
});

export const PriceSet = event("catalog.price-set", 1, {
  priceId: PriceId,
  sku: Sku,
  list: PriceList,
  minimumQuantity: Quantity,
  price: SpelledMoney,
  validFrom: Instant,
  validUntil: optional(Instant),
});
export const PriceEnded = event("catalog.price-ended", 1, {
  priceId: PriceId,
  sku: Sku,
  validUntil: Instant,
});
/** It never began. */
export const PriceWithdrawn = event("catalog.price-withdrawn", 1, { priceId: PriceId, sku: Sku });

const kept = { sku: Sku, location: Location };
export const StockReceived = event("catalog.stock-received", 1, { ...kept, quantity: Quantity });
export const StockAdjusted = event("catalog.stock-adjusted", 1, {
  ...kept,
  by: Adjustment,
  reason: line<string>("reason", { max: 200 }),
});
export const StockReserved = event("catalog.stock-reserved", 1, {
  ...kept,
  reservationId: ReservationId,
  quantity: Quantity,
  expiresAt: Instant,
  holder: OwnerId,
});
export const StockExhausted = event("catalog.stock-exhausted", 1, kept);
export const ReservationCommitted = event("catalog.reservation-committed", 1, {
  ...kept,
  reservationId: ReservationId,
  quantity: Quantity,
});
export const ReservationReleased = event("catalog.reservation-released", 1, {
  ...kept,
  reservationId: ReservationId,
  quantity: Quantity,
  why: oneOf("released", "expired"),
});

const Count = branded<number>("count", { schema: { type: "integer", minimum: 0 } });
/** A file has arrived whole: its rows are applied one by one from now on. */
export const ImportReceived = event("catalog.import-received", 1, {
  importId: ImportId,
  kind: ImportKind,
  isDryRun: Flag,
  rows: Count,
});
export const ImportFinished = event("catalog.import-finished", 1, {
  importId: ImportId,
  created: Count,
  changed: Count,
  unchanged: Count,
  refused: Count,
});

export const catalogEvents = registry(
  ProductDrafted,
  ProductEdited,
  ProductPublished,
  ProductArchived,
  ProductUnpublished,
  ProductRestored,
  ProductDeleted,
  ProductOwnerCleared,
  CategoryCreated,
  CategoryRenamed,
  CategoryMoved,
  PriceSet,
  PriceEnded,
  PriceWithdrawn,
  StockReceived,
  StockAdjusted,
  StockReserved,
  StockExhausted,
  ReservationCommitted,
  ReservationReleased,
  ImportReceived,
  ImportFinished,
);
export type CatalogEvent = EventOf<typeof catalogEvents>;
