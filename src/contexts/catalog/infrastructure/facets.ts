import { expect } from "#kernel/result.ts";
import type { Facets } from "../application/ports/search.ts";
import { Attribute } from "../domain/details.ts";
import { CategoryId } from "../domain/ids.ts";

/** Matches that are counted at most. */
export const maxCounted = 1_000;
/** Categories, and attributes, that are told of at most: those of the most matches. */
const maxTold = 100;

type Counted = Pick<Facets, "products" | "isComplete" | "inStock"> & {
  /** How many of the matches have a term. */
  readonly counts: readonly (readonly [term: string, products: number])[];
};

/** The terms of the matches with their counts, most frequent first. */
export function facetsFrom({ counts, ...whole }: Counted): Facets {
  const ordered = counts.toSorted(([a, n], [b, m]) => m - n || (a < b ? -1 : 1));
  const categories = ordered.flatMap(([term, products]) => {
    const id = CategoryId.parse(term);
    return id.ok ? [{ categoryId: id.value, products }] : [];
  });
  const attributes = ordered.flatMap(([term, products]) => {
    const equals = term.indexOf("=");
    if (equals === -1) return [];
    const name = term.slice(0, equals);
    return [{ ...expect(Attribute.parse({ name, value: term.slice(equals + 1) })), products }];
  });
  return {
    ...whole,
    categories: categories.slice(0, maxTold),
    attributes: attributes.slice(0, maxTold),
  };
}
