import { type Versioned, atVersion, type PreconditionFailed, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Details, Slug } from "./details.ts";
import {
  ProductArchived,
  ProductDeleted,
  ProductDrafted,
  ProductEdited,
  ProductOwnerCleared,
  ProductPublished,
  ProductRestored,
  ProductUnpublished,
  type CatalogEvent,
} from "./events.ts";
import type { OwnerId, ProductId } from "./ids.ts";
import type { Sku } from "./sku.ts";

type Described = Versioned & {
  readonly id: ProductId;
  /** Missing once its owner is no longer known. */
  readonly ownerId?: OwnerId;
  readonly details: Details;
  readonly createdAt: Instant;
};

/** Visible to its owner and to callers with `products:read`, and not for sale. */
export type DraftProduct = Described & { readonly status: "draft" };
export type PublishedProduct = Described & {
  readonly status: "published";
  readonly publishedAt: Instant;
};
/** No longer for sale, and kept as it was. Its slug and skus are free for other products. */
export type ArchivedProduct = Described & {
  readonly status: "archived";
  readonly archivedAt: Instant;
};
/** A discarded draft. Its slug and skus are free for other products. */
export type DeletedProduct = Described & { readonly status: "deleted" };

type Rules = {
  /** Whether everybody may see it. */
  readonly isShown: boolean;
  /** Whether its slug and skus are its own. */
  readonly holdsNames: boolean;
};
/** What holds in each status. */
export const productStatuses = {
  draft: { isShown: false, holdsNames: true },
  published: { isShown: true, holdsNames: true },
  archived: { isShown: true, holdsNames: false },
  deleted: { isShown: false, holdsNames: false },
} as const satisfies Record<Product["status"], Rules>;

export type EditableProduct = DraftProduct | PublishedProduct;
export type PresentProduct = EditableProduct | ArchivedProduct;
export type Product = PresentProduct | DeletedProduct;

type Changed<P extends Product> = Change<P, CatalogEvent>;

export type ProductNotFound = { readonly type: "product-not-found" };
/** Another product has the slug or one of the skus. */
export type ProductClash = {
  readonly type: "product-clash";
  readonly slug?: Slug;
  readonly skus?: readonly Sku[];
};
export type ProductIsArchived = { readonly type: "product-is-archived" };
/** The details that a product lacks for publication. */
export type NotPublishable = {
  readonly type: "not-publishable";
  readonly missing: readonly ("skus" | "description")[];
};
/** Only archived products can be restored. */
export type ProductIsNotArchived = { readonly type: "product-is-not-archived" };
/** Only published products can be archived. */
export type ProductIsDraft = { readonly type: "product-is-draft" };
/** Only drafts can be deleted; published products are archived. */
export type ProductIsNoDraft = { readonly type: "product-is-no-draft" };

type Draft = {
  readonly id: ProductId;
  readonly ownerId?: OwnerId;
  readonly details: Details;
  readonly at: Instant;
};

const missingIn = ({ skus, description }: Details) => [
  ...(skus.length === 0 ? (["skus"] as const) : []),
  ...(description === "" ? (["description"] as const) : []),
];

const same = (a: Details, b: Details) => JSON.stringify(a) === JSON.stringify(b);

export const Product = {
  draft({ id, ownerId, details, at }: Draft): Changed<DraftProduct> {
    const owned = ownerId === undefined ? {} : { ownerId };
    return {
      state: {
        status: "draft",
        id,
        ...owned,
        details,
        createdAt: at,
        version: Version.none,
      },
      events: [ProductDrafted({ productId: id, ...owned, details, draftedAt: at })],
    };
  },

  /** Refuses deleted products as not found. */
  present(product: Product | undefined): Result<PresentProduct, ProductNotFound> {
    return product && product.status !== "deleted"
      ? ok(product)
      : err({ type: "product-not-found" });
  },

  /** A present product, at the version that the caller saw. */
  expected(
    product: Product | undefined,
    version: Version,
  ): Result<PresentProduct, ProductNotFound | PreconditionFailed> {
    const found = Product.present(product);
    return found.ok ? atVersion(found.value, version) : found;
  },

  /** Edits a product. A published one keeps all that publication requires. */
  edit(
    product: PresentProduct,
    details: Details,
  ): Result<Changed<EditableProduct>, ProductIsArchived | NotPublishable> {
    if (product.status === "archived") return err({ type: "product-is-archived" });
    if (same(product.details, details)) return ok(unchanged(product));
    const missing = product.status === "published" ? missingIn(details) : [];
    if (missing.length > 0) return err({ type: "not-publishable", missing });
    return ok({
      state: { ...product, details },
      events: [ProductEdited({ productId: product.id, details })],
    });
  },

  publish(
    product: PresentProduct,
    at: Instant,
  ): Result<Changed<PublishedProduct>, ProductIsArchived | NotPublishable> {
    if (product.status === "archived") return err({ type: "product-is-archived" });
    if (product.status === "published") return ok(unchanged(product));
    const missing = missingIn(product.details);
    if (missing.length > 0) return err({ type: "not-publishable", missing });
    return ok({
      state: { ...product, status: "published", publishedAt: at },
      events: [ProductPublished({ productId: product.id, publishedAt: at })],
    });
  },

  /** A draft was never on sale: it is deleted, and stays hidden until then. */
  archive(product: PresentProduct, at: Instant): Result<Changed<ArchivedProduct>, ProductIsDraft> {
    if (product.status === "draft") return err({ type: "product-is-draft" });
    if (product.status === "archived") return ok(unchanged(product));
    const { id, details, createdAt, version, ownerId } = product;
    const owned = ownerId === undefined ? {} : { ownerId };
    return ok({
      state: { status: "archived", id, ...owned, details, createdAt, archivedAt: at, version },
      events: [ProductArchived({ productId: id, archivedAt: at })],
    });
  },

  /** Takes a product off sale for a while: it is a draft again. */
  unpublish(product: PresentProduct): Result<Changed<DraftProduct>, ProductIsArchived> {
    if (product.status === "archived") return err({ type: "product-is-archived" });
    if (product.status === "draft") return ok(unchanged(product));
    const { publishedAt: _, ...described } = product;
    return ok({
      state: { ...described, status: "draft" },
      events: [ProductUnpublished({ productId: product.id })],
    });
  },

  /** Makes an archived product a draft again, which takes its slug and skus back. */
  restore(product: PresentProduct): Result<Changed<DraftProduct>, ProductIsNotArchived> {
    if (product.status !== "archived") return err({ type: "product-is-not-archived" });
    const { archivedAt: _, ...described } = product;
    return ok({
      state: { ...described, status: "draft" },
      events: [ProductRestored({ productId: product.id, details: product.details })],
    });
  },

  /** The skus that are its own. */
  skusOf: ({ status, details }: Product): readonly Sku[] =>
    productStatuses[status].holdsNames ? details.skus : [],

  delete(product: PresentProduct): Result<Changed<DeletedProduct>, ProductIsNoDraft> {
    if (product.status !== "draft") return err({ type: "product-is-no-draft" });
    return ok({
      state: { ...product, status: "deleted" },
      events: [ProductDeleted({ productId: product.id })],
    });
  },

  clearOwner(product: PresentProduct): Changed<PresentProduct> {
    const { ownerId, ...rest } = product;
    if (ownerId === undefined) return unchanged(product);
    return {
      state: rest,
      events: [ProductOwnerCleared({ productId: product.id, previous: ownerId })],
    };
  },
};
