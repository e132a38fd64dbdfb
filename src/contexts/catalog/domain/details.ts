import { line, lines } from "#kernel/line.ts";
import { branded, list, shape, type Brand, type Infer } from "#kernel/shape.ts";
import { CategoryId } from "./ids.ts";
import { Sku } from "./sku.ts";
import { plain } from "./words.ts";

export const maxSkus = 100;
export const maxCategories = 20;
export const maxAttributes = 100;
export const maxImages = 50;

/** A name of 1 to 200 characters. */
export type Title = Brand<string, "Title">;
export const Title = line<Title>("title", { min: 1, max: 200 });

/** The readable part of an address, as in `red-t-shirt`. */
export type Slug = Brand<string, "Slug">;
const maxSlug = 100;
const slug = branded<Slug>("slug", {
  schema: { type: "string", pattern: "^[a-z0-9]+(-[a-z0-9]+)*$", maxLength: maxSlug },
  says: "small letters, digits and single hyphens, as in red-t-shirt",
});
export const Slug = {
  ...slug,
  /** A slug that reads like a title; undefined where nothing of it can be spelled. */
  of(title: Title): Slug | undefined {
    const words = plain(title)
      .split(/[^a-z0-9]/)
      .filter((word) => word !== "");
    const text = words.join("-").slice(0, maxSlug).replace(/-$/, "");
    return text === "" ? undefined : (text as Slug);
  },
};

export type Description = Brand<string, "Description">;
export const Description = lines<Description>("description", { max: 10_000 });

/** A property of a product, such as `colour: red`. */
export type Attribute = Infer<typeof Attribute>;
export const Attribute = shape({
  name: branded<Brand<string, "AttributeName">>("attribute name", {
    schema: { type: "string", pattern: "^[a-z][a-z0-9_-]{0,39}$", maxLength: 40 },
    says: "small letters, digits, `_` and `-`, with a letter first, as in colour",
  }),
  value: line<Brand<string, "AttributeValue">>("attribute value", { min: 1, max: 200 }),
});

/** Where a picture is: the catalog keeps no files. */
export type ImageUrl = Brand<string, "ImageUrl">;
export const ImageUrl = branded<ImageUrl>("image address", {
  schema: { type: "string", pattern: '^https?://[^\\s<>"]+$', maxLength: 2_000 },
  says: "an address that begins with http:// or https://",
});

/** All that a product says of itself. */
export type Details = Infer<typeof Details>;
export const Details = shape({
  name: Title,
  slug: Slug,
  description: Description,
  skus: list(Sku, maxSkus),
  categoryIds: list(CategoryId, maxCategories),
  attributes: list(Attribute, maxAttributes),
  images: list(ImageUrl, maxImages),
});
