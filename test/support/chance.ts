import { numbersFrom } from "../../src/contexts/catalog/application/products/demo-products.ts";

/** Numbers in [0, 1) that repeat themselves for one seed. */
export type Chance = () => number;

/** Of one part of a campaign alone: what others draw meanwhile does not change its numbers. */
export const chanceOf = (seed: number, ...parts: readonly number[]): Chance =>
  numbersFrom(parts.reduce((mixed, part) => Math.imul(mixed + 1, 1_000_003) + part, seed));
