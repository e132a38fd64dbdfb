import { oneOf, type Infer } from "#kernel/shape.ts";

/** The kind of things that the rows of a file describe. */
export type ImportKind = Infer<typeof ImportKind>;
export const ImportKind = oneOf("products", "prices", "stock");
