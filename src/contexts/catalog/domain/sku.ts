import { branded, type Brand } from "#kernel/shape.ts";

/** A stock keeping unit: what is counted, priced and sold, as in `TSHIRT-RED-M`. In any case. */
export type Sku = Brand<string, "Sku">;

export const Sku = branded<Sku>("sku", {
  schema: { type: "string", pattern: "^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$", maxLength: 64 },
  says: "letters, digits, `.`, `_` and `-`, as in TSHIRT-RED-M",
  parse: (input) => input.toUpperCase(),
});
