import { oneOf, type Infer } from "#kernel/shape.ts";

/** What the rows of a file are about. */
export type ImportKind = Infer<typeof ImportKind>;
export const ImportKind = oneOf("products", "prices", "stock");
