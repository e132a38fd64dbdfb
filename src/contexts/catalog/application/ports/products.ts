import type { Saves } from "#kernel/repository.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import type { Category } from "../../domain/category.ts";
import type { Details, Slug } from "../../domain/details.ts";
import type { CategoryId, OwnerId, ProductId } from "../../domain/ids.ts";
import type { PresentProduct, Product } from "../../domain/product.ts";
import type { Sku } from "../../domain/sku.ts";

/** The slug and the skus that other products have. */
export type Taken = { readonly slug?: Slug; readonly skus: readonly Sku[] };

export type Products = Saves<Product, CatalogEvent> & {
  readonly byId: (id: ProductId) => Promise<Product | undefined>;
  readonly bySku: (sku: Sku) => Promise<PresentProduct | undefined>;
  readonly bySlug: (slug: Slug) => Promise<PresentProduct | undefined>;
  /** Those of the skus that are of a product which everybody sees. */
  readonly shown: (skus: readonly Sku[]) => Promise<readonly Sku[]>;
  /** Which of the wanted slug and skus other present products have. */
  readonly taken: (wanted: Pick<Details, "slug" | "skus">, except: ProductId) => Promise<Taken>;
  /** Present products in the order of their making, after one of them. */
  readonly page: (page: {
    readonly status?: PresentProduct["status"] | undefined;
    /** In one of these. */
    readonly categoryIds?: readonly CategoryId[] | undefined;
    readonly ownerId?: OwnerId | undefined;
    readonly after?: ProductId | undefined;
    readonly limit: number;
  }) => Promise<readonly PresentProduct[]>;
  readonly allOf: (ownerId: OwnerId) => Promise<readonly PresentProduct[]>;
};

export type Categories = Saves<Category, CatalogEvent> & {
  readonly byId: (id: CategoryId) => Promise<Category | undefined>;
  readonly bySlug: (slug: Slug) => Promise<Category | undefined>;
  readonly all: () => Promise<readonly Category[]>;
  /** A category and all that lie below it; none where there is no such category. */
  readonly within: (id: CategoryId) => Promise<readonly CategoryId[]>;
};
