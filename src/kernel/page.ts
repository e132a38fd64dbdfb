import { branded, type Brand } from "./shape.ts";

/** How many items one page holds at most. */
export type PageSize = Brand<number, "PageSize">;

/** A kind of page size: `usual` unless said, never more than `most`. */
export const pageSize = ({ usual, most }: { readonly usual: number; readonly most: number }) => ({
  ...branded<PageSize>("page size", {
    schema: { type: "integer", minimum: 1, maximum: most, default: usual },
  }),
  usual: usual as PageSize,
  most,
});

export type Page<Item, Cursor> = {
  readonly items: readonly Item[];
  /** The start of the next page; missing on the last one. */
  readonly nextCursor?: Cursor;
};

/** Makes a page from items that were queried with a limit of one more than it holds. */
export function pageOf<Item, Cursor>(
  found: readonly Item[],
  size: PageSize,
  cursorOf: (item: Item) => Cursor,
): Page<Item, Cursor> {
  const items = found.slice(0, size);
  const last = items.at(-1);
  return found.length > size && last !== undefined
    ? { items, nextCursor: cursorOf(last) }
    : { items };
}
