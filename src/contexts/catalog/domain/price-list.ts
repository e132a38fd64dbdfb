import { branded, type Brand } from "#kernel/shape.ts";

/** For whom a price is, as in `standard` or `wholesale`. */
export type PriceList = Brand<string, "PriceList">;

const priceList = branded<PriceList>("price list", {
  schema: { type: "string", pattern: "^[a-z][a-z0-9-]{0,31}$", maxLength: 32 },
  says: "small letters, digits and hyphens, with a letter first, as in wholesale",
});

export const PriceList = { ...priceList, standard: "standard" as PriceList };
