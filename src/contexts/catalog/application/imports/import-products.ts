import { andThen, unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Permission } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import {
  Attribute,
  Description,
  ImageUrl,
  maxAttributes,
  maxCategories,
  maxImages,
  maxSkus,
  Slug,
  Title,
  type Details,
} from "../../domain/details.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import { ProductId, type CategoryId } from "../../domain/ids.ts";
import {
  Product,
  type NotPublishable,
  type PresentProduct,
  type ProductIsArchived,
  type ProductIsNotArchived,
  type ProductIsDraft,
} from "../../domain/product.ts";
import { Sku } from "../../domain/sku.ts";
import { readCells, splitCell, text, unlessEmpty } from "./cells.ts";
import { Permissions } from "../permission.ts";
import { isFree, withoutRepeats } from "../products/product-details.ts";
import { refused, type Applying, type Decision, type Importer } from "./importer.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Cells } from "../ports/imports.ts";

const attributeOf = (spelled: string) => {
  const equals = spelled.indexOf("=");
  if (equals === -1) return { name: spelled };
  return { name: spelled.slice(0, equals), value: spelled.slice(equals + 1) };
};

/** A product row, found by its slug. Columns that the file lacks keep their values. */
const ProductRow = shape({
  slug: Slug,
  name: optional(Title),
  description: optional(Description),
  skus: optional(list(Sku, maxSkus)),
  categories: optional(list(Slug, maxCategories)),
  attributes: optional(list(Attribute, maxAttributes)),
  images: optional(list(ImageUrl, maxImages)),
  status: optional(oneOf("draft", "published", "archived")),
});
type ProductRow = Infer<typeof ProductRow>;

const columns = {
  slug: text,
  name: text,
  description: text,
  skus: splitCell,
  categories: splitCell,
  attributes: (cell: string) => splitCell(cell).map(attributeOf),
  images: splitCell,
  status: unlessEmpty,
};

type NameMissing = { readonly type: "name-missing" };
type UnknownCategory = { readonly type: "unknown-category"; readonly slug: Slug };

type Changed = Change<PresentProduct, CatalogEvent>;
type Step = Result<
  Changed,
  ProductIsArchived | ProductIsNotArchived | NotPublishable | ProductIsDraft
>;
type Status = PresentProduct["status"];
type Decide = (product: PresentProduct, at: Instant) => Step;

const { publish, unpublish, archive, restore } = Product;
/** The steps from one status to another. */
const ways: { readonly [From in Status]: { readonly [To in Status]: readonly Decide[] } } = {
  draft: { draft: [], published: [publish], archived: [publish, archive] },
  published: { draft: [unpublish], published: [], archived: [archive] },
  archived: { draft: [restore], published: [restore, publish], archived: [] },
};

const take = (steps: readonly Decide[], change: Changed, at: Instant): Step =>
  steps.reduce<Step>((done, step) => {
    if (!done.ok) return done;
    const next = step(done.value.state, at);
    return next.ok ? ok(andThen(done.value, () => next.value)) : next;
  }, ok(change));

/** The edited product in the wanted status. An archived one is restored before it is edited. */
function reach(product: PresentProduct, details: Details, wanted: Status, at: Instant): Step {
  const isRestored = product.status === "archived" && wanted !== "archived";
  const begun = take(isRestored ? [restore] : [], unchanged(product), at);
  if (!begun.ok) return begun;
  const edited = editedFrom(begun.value, details);
  return edited.ok ? take(ways[edited.value.state.status][wanted], edited.value, at) : edited;
}

/** What its events would have asked for as requests. */
const permissionsFor = ({ events }: Changed): readonly Permission[] =>
  events.flatMap(({ type }) => {
    if (type === "catalog.product-published" || type === "catalog.product-unpublished")
      return Permissions.publishProduct;
    return type === "catalog.product-archived" || type === "catalog.product-restored"
      ? Permissions.archiveProduct
      : [];
  });

async function idsOf(
  { categories }: CatalogScope,
  slugs: readonly Slug[],
): Promise<Result<readonly CategoryId[], UnknownCategory>> {
  const found = await Promise.all(slugs.map((slug) => categories.bySlug(slug)));
  const missing = slugs.find((_, i) => found[i] === undefined);
  if (missing !== undefined) return err({ type: "unknown-category", slug: missing });
  return ok(found.flatMap((category) => (category ? [category.id] : [])));
}

type Begun = { readonly details: Details; readonly product: PresentProduct | undefined };

async function begin(
  scope: CatalogScope,
  { slug, name, categories, status: _status, ...given }: ProductRow,
): Promise<Result<Begun, NameMissing | UnknownCategory>> {
  const [product, ids] = await Promise.all([
    scope.products.bySlug(slug),
    categories && idsOf(scope, categories),
  ]);
  if (ids && !ids.ok) return ids;
  const title = name ?? product?.details.name;
  if (title === undefined) return err({ type: "name-missing" });
  const before = product?.details ?? {
    description: "" as Description,
    skus: [],
    categoryIds: [],
    attributes: [],
    images: [],
  };
  const categoryIds = ids ? ids.value : before.categoryIds;
  return ok({
    details: withoutRepeats({ ...before, ...given, slug, name: title, categoryIds }),
    product,
  });
}

async function decideOne(scope: CatalogScope, cells: Cells, applying: Applying): Promise<Decision> {
  const row = readCells(cells, columns, ProductRow);
  if (!row.ok) return refused(row.error);
  const begun = await begin(scope, row.value);
  if (!begun.ok) return refused(begun.error);
  const { details, product } = begun.value;
  const { at, newId, ownerId, may } = applying;
  const owner = { owner: product?.ownerId };
  const allowed = await (product
    ? may(Permissions.updateProduct, owner)
    : may(Permissions.createProduct));
  if (!allowed.ok) return refused(allowed.error);
  const id = product?.id ?? newId(ProductId);
  const owned = ownerId === undefined ? {} : { ownerId };
  const { status: wanted } = row.value;
  const reached = product
    ? reach(product, details, wanted ?? product.status, at)
    : take(ways.draft[wanted ?? "draft"], Product.draft({ id, ...owned, details, at }), at);
  if (!reached.ok) return refused(reached.error);
  if (reached.value.events.length === 0) return { outcome: "unchanged" };
  for (const permission of permissionsFor(reached.value)) {
    const granted = await may(permission, product ? owner : { owner: ownerId });
    if (!granted.ok) return refused(granted.error);
  }
  const free = await isFree(scope, details, id);
  if (!free.ok) return refused(free.error);
  scope.products.save(reached.value);
  return { outcome: product ? "changed" : "created" };
}

const isSame = (a: Details, b: Details) =>
  Object.keys(b).every(
    (field) =>
      JSON.stringify(a[field as keyof Details]) === JSON.stringify(b[field as keyof Details]),
  );

function editedFrom(change: Changed, details: Details): Step {
  if (isSame(change.state.details, details)) return ok(change);
  const edited = Product.edit(change.state, details);
  return edited.ok ? ok(andThen(change, () => edited.value)) : edited;
}

export const productImporter: Importer = {
  columns,
  required: ["slug"],
  keyOf: ({ slug = "" }) => text(slug),
  locks: () => [],
  // Only the first: another row of the same product sees what this one has saved.
  decide: (scope, [first], applying) =>
    Promise.all(first ? [decideOne(scope, first, applying)] : []),
};
