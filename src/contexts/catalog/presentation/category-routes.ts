import { get, patch, post, type Route } from "#platform/http/route.ts";
import {
  CreateCategory,
  ListCategories,
  UpdateCategory,
} from "../application/products/categories.ts";
import type { Category } from "../domain/category.ts";
import type { Catalog } from "../index.ts";
import { list, optional, named, shape } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { Slug, Title } from "../domain/details.ts";
import { CategoryId } from "../domain/ids.ts";

/** Categories of one answer. */
const maxRows = 10_000;

const CategoryView = named(
  "Category",
  shape({
    id: CategoryId,
    name: Title,
    slug: Slug,
    parentId: optional(CategoryId),
    version: Version,
  }),
);
const CategoriesView = named("Categories", shape({ items: list(CategoryView, maxRows) }));

const version = (category: Category) => category.version;

export const categoryRoutes = (catalog: Catalog): readonly Route[] => [
  get("/categories", {
    access: "anyone",
    id: "listCategories",
    summary: "List categories",
    description: "All categories, ordered by slug. `parentId` names the parent category.",
    input: ListCategories,
    handle: catalog.listCategories,
    success: 200,
    output: CategoriesView,
    present: (items) => ({ items }),
    refusals: {},
  }),
  post("/categories", {
    access: "signed-in",
    id: "createCategory",
    summary: "Create a category",
    input: CreateCategory,
    handle: catalog.createCategory,
    success: 201,
    output: CategoryView,
    version: version,
    refusals: {
      "parent-not-found": 422,
      "category-clash": 409,
      "category-too-deep": 422,
      "too-many-categories": 409,
      forbidden: 403,
      conflict: 409,
    },
  }),
  patch("/categories/:categoryId", {
    access: "signed-in",
    id: "renameOrMoveCategory",
    summary: "Rename or move a category",
    description:
      '`If-Match` is the `version` of the category in quotes, as in `"1"`. A category cannot lie below itself; ' +
      "`parentId: null` moves it to the top.",
    input: UpdateCategory,
    handle: catalog.updateCategory,
    success: 200,
    output: CategoryView,
    version: version,
    refusals: {
      "category-not-found": 404,
      "parent-not-found": 422,
      "category-cycle": 422,
      "category-too-deep": 422,
      "precondition-failed": 412,
      forbidden: 403,
      conflict: 409,
    },
  }),
];
