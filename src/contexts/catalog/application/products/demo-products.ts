import { expect } from "#kernel/result.ts";
import { Currency, Money } from "#kernel/money.ts";
import { Details, Slug, Title } from "../../domain/details.ts";
import type { CategoryId } from "../../domain/ids.ts";
import { Quantity } from "../../domain/quantity.ts";
import { Sku } from "../../domain/sku.ts";

const kinds = [
  { name: "T-Shirt", shelf: "clothes", from: 1_490, sizes: ["S", "M", "L", "XL"] },
  { name: "Hoodie", shelf: "clothes", from: 3_990, sizes: ["S", "M", "L", "XL"] },
  { name: "Scarf", shelf: "clothes", from: 1_990, sizes: ["ONE"] },
  { name: "Mug", shelf: "kitchen", from: 890, sizes: ["250ML", "400ML"] },
  { name: "Teapot", shelf: "kitchen", from: 3_490, sizes: ["1L"] },
  { name: "Chopping Board", shelf: "kitchen", from: 2_290, sizes: ["30CM", "45CM"] },
  { name: "Notebook", shelf: "stationery", from: 690, sizes: ["A6", "A5"] },
  { name: "Fountain Pen", shelf: "stationery", from: 4_900, sizes: ["F", "M"] },
  { name: "Desk Lamp", shelf: "furniture", from: 5_900, sizes: ["ONE"] },
  { name: "Stool", shelf: "furniture", from: 7_900, sizes: ["45CM", "65CM"] },
] as const;
const colours = ["black", "white", "red", "blue", "green", "grey", "yellow", "orange"] as const;
const makes = ["classic", "slim", "heavy", "light", "organic", "recycled", "limited"] as const;

export const shelves = [...new Set(kinds.map(({ shelf }) => shelf))];
export type Shelf = (typeof shelves)[number];

/** A demonstration product with its prices and stock. */
export type DemoProduct = {
  readonly details: Details;
  readonly price: Money;
  readonly bulkPrice: Money;
  readonly bulkFrom: Quantity;
  readonly units: readonly (readonly [Sku, Quantity])[];
};

/** A generator of numbers in [0, 1) that repeats itself for one seed. Source: mulberry32. */
export function numbersFrom(seed: number): () => number {
  let state = seed | 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
const euro = expect(Currency.parse("EUR"));
const euros = (cents: number) => Money.of(BigInt(cents), euro);

/** The `n`th product of a seed: the same one each time. */
export function demoProduct(
  { n, seed }: { readonly n: number; readonly seed: number },
  categoryOf: (shelf: Shelf) => CategoryId,
): DemoProduct {
  const next = numbersFrom(seed * 1_000_003 + n);
  const pick = <T>(from: readonly T[]) => from[Math.floor(next() * from.length)] as T;
  const [kind, colour, make] = [pick(kinds), pick(colours), pick(makes)];
  const name = expect(Title.parse(`${capital(make)} ${kind.name}, ${colour}, no. ${n}`));
  const skus = kind.sizes.map((size) => expect(Sku.parse(`DEMO${seed}-${n}-${size}`)));
  const cents = Math.round((kind.from * (1 + next())) / 10) * 10;
  const details = expect(
    Details.parse({
      name,
      slug: Slug.of(name),
      skus,
      categoryIds: [categoryOf(kind.shelf)],
      images: [],
      description: `A ${make} ${kind.name.toLowerCase()} in ${colour}.`,
      attributes: [
        { name: "colour", value: colour },
        { name: "make", value: make },
      ],
    }),
  );
  return {
    details,
    price: euros(cents),
    bulkPrice: euros(Math.round(cents * 0.9)),
    bulkFrom: expect(Quantity.parse(10)),
    units: skus.map((sku) => [sku, expect(Quantity.parse(1 + Math.floor(next() * 500)))] as const),
  };
}
