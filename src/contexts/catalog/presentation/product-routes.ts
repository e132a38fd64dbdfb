import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { CreateDraft } from "../application/products/draft-product.ts";
import { EditProduct } from "../application/products/edit-product.ts";
import { GetProduct, type ProductPage } from "../application/products/get-product.ts";
import { ListProducts } from "../application/products/list-products.ts";
import { ProductStep } from "../application/products/product-lifecycle.ts";
import type { PresentProduct } from "../domain/product.ts";
import type { Catalog } from "../index.ts";
import { ProductListView, ProductPageView, ProductView, toPage, toProduct } from "./views.ts";

const version = (product: PresentProduct) => product.version;

const step = {
  access: "signed-in",
  input: ProductStep,
  success: 200,
  output: ProductView,
  present: toProduct,
  version,
} as const;
const always = {
  "product-not-found": 404,
  "precondition-failed": 412,
  forbidden: 403,
  conflict: 409,
} as const;

/** Products that every visitor can see. */
const shown = (catalog: Catalog): readonly Route[] => [
  get("/products", {
    access: "anyone",
    id: "listProducts",
    summary: "List products",
    description:
      "Products, oldest first. Drafts are listed only for their owner and for callers with " +
      "`products:read`.",
    input: ListProducts,
    handle: catalog.listProducts,
    success: 200,
    output: ProductListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toProduct) }),
    refusals: { forbidden: 403 },
  }),
  get("/products/:productId", {
    access: "anyone",
    id: "getProduct",
    summary: "Get a product",
    description:
      "The product with its current stock and prices. Each of the two may be `stale`, with " +
      "its age, or `unavailable` when its source is late: the response takes 250 ms at most.",
    input: GetProduct,
    handle: catalog.getProduct,
    success: 200,
    output: ProductPageView,
    present: toPage,
    version: ({ product }: ProductPage) => product.version,
    isComposed: true,
    refusals: { "product-not-found": 404 },
  }),
];

/** The steps of a product's life. */
const steps = (catalog: Catalog): readonly Route[] => [
  post("/products/:productId/publication", {
    ...step,
    id: "publishProduct",
    summary: "Publish a product",
    description: "Puts the product on sale. It needs a description and at least one sku.",
    handle: catalog.publishProduct,
    refusals: { ...always, "product-is-archived": 409, "not-publishable": 422 },
  }),
  post("/products/:productId/archival", {
    ...step,
    id: "archiveProduct",
    summary: "Archive a product",
    description:
      "Takes the product off sale for good. It remains visible, and its slug and skus are free.",
    handle: catalog.archiveProduct,
    refusals: { ...always, "product-is-draft": 409 },
  }),
  del("/products/:productId/publication", {
    ...step,
    id: "unpublishProduct",
    summary: "Unpublish a product",
    description: "Takes the product off sale for a while: it is a draft again.",
    handle: catalog.unpublishProduct,
    refusals: { ...always, "product-is-archived": 409 },
  }),
  del("/products/:productId/archival", {
    ...step,
    id: "restoreArchivedProduct",
    summary: "Restore an archived product",
    description: "Makes it a draft again, if no other product has its slug or skus meanwhile.",
    handle: catalog.restoreProduct,
    refusals: {
      ...always,
      "product-is-not-archived": 409,
      "product-clash": 409,
      "category-not-found": 422,
    },
  }),
];

export const productRoutes = (catalog: Catalog): readonly Route[] => [
  ...shown(catalog),
  post("/products", {
    access: "signed-in",
    id: "draftProduct",
    summary: "Draft a product",
    description:
      "If `slug` is missing, it is derived from the name. A draft is visible only to its " +
      "owner and to callers with `products:read`.",
    input: CreateDraft,
    handle: catalog.draftProduct,
    success: 201,
    output: ProductView,
    present: toProduct,
    location: ({ id }) => `/products/${id}`,
    version,
    refusals: {
      "product-clash": 409,
      "category-not-found": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
  patch("/products/:productId", {
    access: "signed-in",
    id: "editProduct",
    summary: "Edit a product",
    description: "Changes only the fields in the request. A list replaces the whole list.",
    input: EditProduct,
    handle: catalog.editProduct,
    success: 200,
    output: ProductView,
    present: toProduct,
    version,
    refusals: {
      ...always,
      "product-is-archived": 409,
      "not-publishable": 422,
      "product-clash": 409,
      "category-not-found": 422,
    },
  }),
  ...steps(catalog),
  del("/products/:productId", {
    access: "signed-in",
    id: "deleteDraft",
    summary: "Delete a draft",
    description:
      "Frees its slug and skus for other products. A published product can only be archived.",
    input: ProductStep,
    handle: catalog.deleteProduct,
    success: 204,
    refusals: { ...always, "product-is-no-draft": 409 },
  }),
];
