/**
 * Catalog: what there is to buy, how much of it there is, and what it costs.
 *
 * - **product**: what is shown and sold: drafted, published, at last archived
 * - **sku**: one thing that is counted and priced; a product has some
 * - **stock**: how many units of a sku there are at a location; event-sourced
 * - **reservation**: units kept for somebody until they buy them, or until it expires
 * - **price**: of a sku, in a currency, on a list, from a quantity on, for a time
 * - **category**: where a product is to be found; a tree
 */
import type { MayAct } from "#kernel/permission.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Audit } from "#kernel/audit.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import {
  createCategory,
  listCategories,
  updateCategory,
} from "./application/products/categories.ts";
import { adjustStock, getStock, listStock, receiveStock } from "./application/stock/count-stock.ts";
import { draftProduct } from "./application/products/draft-product.ts";
import { editProduct } from "./application/products/edit-product.ts";
import { exportRows } from "./application/imports/export-rows.ts";
import { getProduct } from "./application/products/get-product.ts";
import { listProducts } from "./application/products/list-products.ts";
import type { CatalogScope } from "./application/ports/scope.ts";
import type { CurrentPrices, StockLevels } from "./application/ports/product-page.ts";
import { endPrice, listPrices, listPricesOfSkus, setPrice } from "./application/prices/prices.ts";
import {
  archiveProduct,
  deleteProduct,
  publishProduct,
  restoreProduct,
  unpublishProduct,
} from "./application/products/product-lifecycle.ts";
import { getImport, listImportRows } from "./application/imports/read-imports.ts";
import { mayImport, receiveImport } from "./application/imports/receive-import.ts";
import { runImports } from "./application/imports/run-imports.ts";
import {
  commitReservation,
  getReservation,
  releaseExpired,
  releaseReservation,
} from "./application/stock/reservations.ts";
import { reserveStock, type HolderLimits } from "./application/stock/reserve-stock.ts";
import { searchProducts } from "./application/search/search-products.ts";

export { catalogEvents, type CatalogEvent } from "./domain/events.ts";
export { ProductId } from "./domain/ids.ts";

export type CatalogDeps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly read: Read<CatalogScope>;
  readonly mayAct: MayAct;
  readonly stockLevels: StockLevels;
  readonly currentPrices: CurrentPrices;
  readonly holderLimits: HolderLimits;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly audit: Audit;
  /** Rows of an export that are read at once. */
  readonly exportBatch?: number;
};

/** All that the catalog can be asked to do. */
export const createCatalog = (deps: CatalogDeps) =>
  createHandlers(
    "catalog",
    {
      draftProduct: draftProduct(deps),
      editProduct: editProduct(deps),
      publishProduct: publishProduct(deps),
      archiveProduct: archiveProduct(deps),
      unpublishProduct: unpublishProduct(deps),
      restoreProduct: restoreProduct(deps),
      deleteProduct: deleteProduct(deps),
      getProduct: getProduct(deps),
      listProducts: listProducts(deps),
      searchProducts: searchProducts(deps),

      createCategory: createCategory(deps),
      updateCategory: updateCategory(deps),
      listCategories: listCategories(deps),

      setPrice: setPrice(deps),
      endPrice: endPrice(deps),
      listPrices: listPrices(deps),
      listPricesOfSkus: listPricesOfSkus(deps),

      mayImport: mayImport(deps),
      receiveImport: receiveImport(deps),
      runImports: runImports(deps),
      getImport: getImport(deps),
      listImportRows: listImportRows(deps),
      exportRows: exportRows(deps),

      receiveStock: receiveStock(deps),
      adjustStock: adjustStock(deps),
      getStock: getStock(deps),
      listStock: listStock(deps),
      reserveStock: reserveStock(deps),
      getReservation: getReservation(deps),
      commitReservation: commitReservation(deps),
      releaseReservation: releaseReservation(deps),
      releaseExpired: releaseExpired(deps),
    },
    { ...deps, denials: ["forbidden"] },
  );

export type Catalog = ReturnType<typeof createCatalog>;
