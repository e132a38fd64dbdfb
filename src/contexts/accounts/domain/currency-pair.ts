import type { Currency } from "#kernel/money.ts";
import { branded, type Brand } from "#kernel/shape.ts";

/** Two currencies, in the order of their codes, as in `EUR/USD`. */
export type CurrencyPair = Brand<string, "CurrencyPair">;
export const CurrencyPair = {
  ...branded<CurrencyPair>("currency pair", {
    schema: { type: "string", pattern: "^[A-Z]{3}/[A-Z]{3}$", maxLength: 7 },
    says: "two currencies in the order of their codes, as in EUR/USD",
  }),
  of: (a: Currency, b: Currency): CurrencyPair => [a, b].toSorted().join("/") as CurrencyPair,
};
