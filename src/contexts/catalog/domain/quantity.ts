import { branded, type Brand } from "#kernel/shape.ts";

export const maxUnits = 1_000_000_000;

/** So many units, at least one. */
export type Quantity = Brand<number, "Quantity">;
export const Quantity = branded<Quantity>("whole number", {
  schema: { type: "integer", minimum: 1, maximum: maxUnits },
});

/** How many units there are: none, perhaps. */
export type Units = Brand<number, "Units">;
const units = branded<Units>("whole number", {
  schema: { type: "integer", minimum: 0, maximum: maxUnits },
});
export const Units = {
  ...units,
  none: 0 as Units,
  minus: (a: Units, quantity: Quantity): Units | undefined =>
    a < quantity ? undefined : ((a - quantity) as Units),
  /** Undefined below zero and above the limit. */
  plus: (a: Units, change: number): Units | undefined =>
    a + change < 0 || a + change > maxUnits ? undefined : ((a + change) as Units),
};

/** So many more units, or fewer. */
export type Adjustment = Brand<number, "Adjustment">;
export const Adjustment = branded<Adjustment>("adjustment", {
  schema: { type: "integer", minimum: -maxUnits, maximum: maxUnits },
  parse: (input) => (input === 0 ? undefined : input),
});
