import { createHash } from "node:crypto";
import type { Database, Statement } from "./database.ts";

/** A link, whose hash is over the hash before it and the canonical text of what it links; null if that is gone. */
export type Link = { readonly number: number; readonly hash: Buffer; readonly text: string | null };

/** `number` is the one that the link should have. `why` says what is wrong with it, if anything is. */
export type CheckedLink<Row extends Link> = {
  readonly row: Row;
  readonly number: number;
  readonly why?: "the link is missing" | "its entry is missing" | "its entry was changed";
};

const linkOf = (previous: Uint8Array, text: string): Buffer =>
  createHash("sha256").update(previous).update(text).digest();

/** Recomputes a chain from its first link on. `page` answers links after a number, in their order; the last page is empty. */
export async function* checkedLinks<Row extends Link>(
  database: Database,
  page: Statement<Row>,
): AsyncGenerator<CheckedLink<Row>> {
  let hash: Uint8Array = new Uint8Array();
  let number = 0;
  for (let next = database.query(page, [number]); ;) {
    const rows = await next;
    const last = rows.at(-1);
    if (!last) return;
    next = database.query(page, [last.number]); // arrives while these are hashed
    next.catch(() => {}); // the loop awaits it, unless the caller has stopped
    for (const row of rows) {
      number += 1;
      if (row.number !== number) yield { row, number, why: "the link is missing" };
      else if (row.text === null) yield { row, number, why: "its entry is missing" };
      else {
        hash = linkOf(hash, row.text);
        const why = row.hash.equals(hash) ? {} : { why: "its entry was changed" as const };
        yield { row, number, ...why };
      }
    }
  }
}
