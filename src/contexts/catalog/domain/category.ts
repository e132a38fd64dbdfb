import { type Versioned, atVersion, type PreconditionFailed, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Slug, Title } from "./details.ts";
import { CategoryCreated, CategoryMoved, CategoryRenamed, type CatalogEvent } from "./events.ts";
import type { CategoryId } from "./ids.ts";

/** How deep the tree may be. */
export const maxDepth = 8;

export type Category = Versioned & {
  readonly id: CategoryId;
  readonly name: Title;
  readonly slug: Slug;
  /** Missing at the top. */
  readonly parentId?: CategoryId;
};

type Changed = Change<Category, CatalogEvent>;

export type CategoryNotFound = { readonly type: "category-not-found"; readonly id: CategoryId };
export type CategoryClash = { readonly type: "category-clash"; readonly slug: Slug };
/** A category cannot lie below itself. */
export type CategoryCycle = { readonly type: "category-cycle" };
export type CategoryTooDeep = { readonly type: "category-too-deep"; readonly maxDepth: number };

type Creation = {
  readonly id: CategoryId;
  readonly name: Title;
  readonly slug: Slug;
  /** From the parent up to the top; none at the top. */
  readonly above: readonly Category[];
};

const tooDeep = err<CategoryTooDeep>({ type: "category-too-deep", maxDepth });
const parentIn = ([parent]: readonly Category[]) =>
  parent === undefined ? {} : { parentId: parent.id };

export const Category = {
  create({ id, name, slug, above }: Creation): Result<Changed, CategoryTooDeep> {
    if (above.length >= maxDepth) return tooDeep;
    const category = { id, name, slug, ...parentIn(above) };
    return ok({
      state: { ...category, version: Version.none },
      events: [CategoryCreated({ categoryId: id, name, slug, ...parentIn(above) })],
    });
  },

  expected(
    category: Category | undefined,
    { id, version }: { readonly id: CategoryId; readonly version: Version },
  ): Result<Category, CategoryNotFound | PreconditionFailed> {
    return category ? atVersion(category, version) : err({ type: "category-not-found", id });
  },

  rename(category: Category, name: Title): Changed {
    if (name === category.name) return unchanged(category);
    const renamed = CategoryRenamed({ categoryId: category.id, name });
    return { state: { ...category, name }, events: [renamed] };
  },

  /** `above`: from the new parent up to the top. `height`: of the tree below, itself included. */
  move(
    category: Category,
    { above, height }: { readonly above: readonly Category[]; readonly height: number },
  ): Result<Changed, CategoryCycle | CategoryTooDeep> {
    if (above.some(({ id }) => id === category.id)) return err({ type: "category-cycle" });
    if (above.length + height > maxDepth) return tooDeep;
    const { parentId, ...rest } = category;
    if (parentId === above[0]?.id) return ok(unchanged(category));
    const moved = CategoryMoved({ categoryId: category.id, ...parentIn(above) });
    return ok({ state: { ...rest, ...parentIn(above) }, events: [moved] });
  },
};
