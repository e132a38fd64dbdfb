import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { type PreconditionFailed, Version } from "#kernel/version.ts";
import { Permissions } from "../permission.ts";
import { andThen, unchanged } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, orNull, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Category,
  maxDepth,
  type CategoryClash,
  type CategoryCycle,
  type CategoryNotFound,
  type CategoryTooDeep,
} from "../../domain/category.ts";
import { Slug, Title } from "../../domain/details.ts";
import { CategoryId } from "../../domain/ids.ts";
import type { CatalogScope } from "../ports/scope.ts";

/** Without a parent, it stands at the top. */
export const CreateCategory = shape({ name: Title, slug: Slug, parentId: optional(CategoryId) });
export type CreateCategory = Infer<typeof CreateCategory>;

/** `parentId`: below which it lies from now on; at the top with `null`. */
export const UpdateCategory = shape({
  categoryId: CategoryId,
  expectedVersion: Version,
  name: optional(Title),
  parentId: optional(orNull(CategoryId)),
});
export type UpdateCategory = Infer<typeof UpdateCategory>;

export const ListCategories = shape({});

export type ParentNotFound = { readonly type: "parent-not-found"; readonly id: CategoryId };

/** Categories at most: they are shown as one tree. */
export const maxCategories = 10_000;
export type TooManyCategories = {
  readonly type: "too-many-categories";
  readonly maxCategories: number;
};

type Deps = {
  readonly unitOfWork: UnitOfWork<CatalogScope>;
  readonly mayAct: MayAct;
  readonly newId: NewId;
};

/** The lock of the tree. Without it two concurrent moves could make a cycle. */
const treeLock = { lock: ["catalog.categories"] };

/** From a category up to the top. */
function pathOf(
  all: readonly Category[],
  id: CategoryId | undefined,
): Result<readonly Category[], ParentNotFound> {
  const byId = new Map(all.map((category) => [category.id, category]));
  const path: Category[] = [];
  for (let next = id; next !== undefined && path.length <= maxDepth;) {
    const category = byId.get(next);
    if (!category) return err({ type: "parent-not-found", id: next });
    path.push(category);
    next = category.parentId;
  }
  return ok(path);
}

/** How many levels there are from a category down, itself included. */
function heightOf(all: readonly Category[], id: CategoryId): number {
  const below = Map.groupBy(all, ({ parentId }) => parentId);
  const height = (id: CategoryId): number =>
    1 + Math.max(0, ...(below.get(id) ?? []).map((child) => height(child.id)));
  return height(id);
}

export function createCategory({ unitOfWork, mayAct, newId }: Deps) {
  type Outcome = Result<
    Category,
    ParentNotFound | CategoryClash | CategoryTooDeep | TooManyCategories | Forbidden | Conflict
  >;
  return async ({ name, slug, parentId }: CreateCategory, context: Context): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.changeCategories);
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async ({ categories }): Promise<Outcome> => {
        const all = await categories.all();
        if (all.length >= maxCategories) return err({ type: "too-many-categories", maxCategories });
        if (all.some((other) => other.slug === slug)) return err({ type: "category-clash", slug });
        const above = pathOf(all, parentId);
        if (!above.ok) return above;
        const id = newId(CategoryId);
        const created = Category.create({ id, name, slug, above: above.value });
        return created.ok ? ok(categories.save(created.value)) : created;
      },
      treeLock,
    );
  };
}

/** Renames a category, moves it below another, or both at once. */
export function updateCategory({ unitOfWork, mayAct }: Deps) {
  type Outcome = Result<
    Category,
    | CategoryNotFound
    | ParentNotFound
    | PreconditionFailed
    | CategoryCycle
    | CategoryTooDeep
    | Forbidden
    | Conflict
  >;
  return async (
    { categoryId, expectedVersion, name, parentId }: UpdateCategory,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.changeCategories);
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async ({ categories }): Promise<Outcome> => {
        const all = await categories.all();
        const known = all.find(({ id }) => id === categoryId);
        const found = Category.expected(known, { id: categoryId, version: expectedVersion });
        if (!found.ok) return found;
        const above = pathOf(all, parentId ?? undefined);
        if (!above.ok) return above;

        const moved =
          parentId === undefined
            ? ok(unchanged(found.value))
            : Category.move(found.value, { above: above.value, height: heightOf(all, categoryId) });
        if (!moved.ok) return moved;
        const updated = andThen(moved.value, (state) =>
          name === undefined ? unchanged(state) : Category.rename(state, name),
        );
        return ok(categories.save(updated));
      },
      treeLock,
    );
  };
}

/** The whole tree, parents before their children. */
export function listCategories({ read }: { readonly read: Read<CatalogScope> }) {
  return async (_: object, context: Context): Promise<Result<readonly Category[], never>> =>
    ok(await read(context, ({ categories }) => categories.all()));
}
