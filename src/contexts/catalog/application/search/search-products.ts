import { Flag } from "#kernel/scalars.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Currency, Decimal, Money } from "#kernel/money.ts";
import { pageSize } from "#kernel/page.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { line } from "#kernel/line.ts";
import { branded, list, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Attribute } from "../../domain/details.ts";
import { CategoryId, ProductId } from "../../domain/ids.ts";
import { PriceList } from "../../domain/price-list.ts";
import { wordsOf } from "../../domain/words.ts";
import type { CatalogScope } from "../ports/scope.ts";
import type { Found, PriceRange } from "../ports/search.ts";

export const HitPageSize = pageSize({ usual: 20, most: 100 });

/** The text of a search box. */
export type SearchText = Brand<string, "SearchText">;
export const SearchText = line<SearchText>("search text", { min: 1, max: 200 });
export const maxSearchWords = 12;
const maxSearchAttributes = 10;

/** An attribute in one text, as in `colour:red`. */
export type AttributeText = Brand<string, "AttributeText">;
const AttributeText = branded<AttributeText>("attribute filter", {
  schema: { type: "string", pattern: "^[a-z][a-z0-9_-]{0,39}:.+$", maxLength: 241 },
  says: "an attribute and its value, as in colour:red",
  parse: (input) => input.normalize("NFC"),
});

/** Products on sale that have all of it. Prices are of one unit, on the standard list unless said. */
export const SearchProducts = shape({
  q: optional(SearchText),
  categoryId: optional(CategoryId),
  attribute: optional(list(AttributeText, maxSearchAttributes)),
  inStock: optional(Flag),
  currency: optional(Currency),
  list: optional(PriceList),
  minPrice: optional(Decimal),
  maxPrice: optional(Decimal),
  facets: optional(Flag),
  limit: optional(HitPageSize),
  cursor: optional(ProductId),
});
export type SearchProducts = Infer<typeof SearchProducts>;

/** `currency-missing`: an amount is of a currency. */
export type SearchInvalid = {
  readonly type: "search-invalid";
  readonly reason:
    | "too-many-words"
    | "no-word"
    | "currency-missing"
    | "price-invalid"
    | "attribute-invalid";
};

const invalid = (reason: SearchInvalid["reason"]) =>
  err<SearchInvalid>({ type: "search-invalid", reason });

type Deps = { readonly read: Read<CatalogScope>; readonly clock: Clock };

function rangeOf(
  { currency, list: priceList = PriceList.standard, minPrice, maxPrice }: SearchProducts,
  { clock }: Deps,
): Result<PriceRange | undefined, SearchInvalid> {
  if (currency === undefined)
    return minPrice === undefined && maxPrice === undefined
      ? ok(undefined)
      : invalid("currency-missing");
  const amounts = [minPrice, maxPrice].map((amount) =>
    amount === undefined ? ok(undefined) : Money.parse({ amount, currency }),
  );
  const [least, most] = amounts;
  if (!least?.ok || !most?.ok) return invalid("price-invalid");
  const at = clock.now();
  return ok({ currency, list: priceList, at, least: least.value?.minor, most: most.value?.minor });
}

function attributesOf({
  attribute = [],
}: SearchProducts): Result<readonly Attribute[], SearchInvalid> {
  const parsed = attribute.map((text) => {
    const colon = text.indexOf(":");
    return Attribute.parse({ name: text.slice(0, colon), value: text.slice(colon + 1) });
  });
  const attributes = parsed.flatMap((one) => (one.ok ? [one.value] : []));
  return attributes.length === parsed.length ? ok(attributes) : invalid("attribute-invalid");
}

function searchedWords({ q }: SearchProducts): Result<readonly string[], SearchInvalid> {
  if (q === undefined) return ok([]);
  const words = wordsOf(q);
  if (words.length === 0) return invalid("no-word");
  return words.length > maxSearchWords ? invalid("too-many-words") : ok(words);
}

/** Finds published products, newest first. The search follows a publication within moments. */
export function searchProducts(deps: Deps) {
  return async (input: SearchProducts, context: Context): Promise<Result<Found, SearchInvalid>> => {
    const words = searchedWords(input);
    if (!words.ok) return words;
    const attributes = attributesOf(input);
    if (!attributes.ok) return attributes;
    const price = rangeOf(input, deps);
    if (!price.ok) return price;
    const {
      categoryId,
      inStock = false,
      limit = HitPageSize.usual,
      cursor,
      facets = false,
    } = input;
    return deps.read(context, async ({ categories, search }) =>
      ok(
        await search.find({
          words: words.value,
          attributes: attributes.value,
          price: price.value,
          inStock,
          before: cursor,
          limit,
          withFacets: facets,
          categoryIds: categoryId && (await categories.within(categoryId)),
        }),
      ),
    );
  };
}
