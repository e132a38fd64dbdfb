import type { Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { EntryPosted, type AccountsEvent } from "./events.ts";
import { Exchange } from "./exchange.ts";
import type { EntryId } from "./ids.ts";
import type { Memo, Tag } from "./labels.ts";
import { Postings, type Balanced, type Posting } from "./posting.ts";

/** An entry of the journal. It is never changed; another entry may reverse it. */
export type Entry = Versioned & {
  readonly id: EntryId;
  readonly date: CivilDate;
  readonly postings: readonly Posting[];
  readonly memo?: Memo;
  readonly tags: readonly Tag[];
  /** The entry that this one reverses. */
  readonly reverses?: EntryId;
  /** The exchange that it records. */
  readonly exchange?: Exchange;
};

export type EntryNotFound = { readonly type: "entry-not-found"; readonly entryId: EntryId };
/** A reversal cannot be reversed, and an entry is reversed only once. */
export type NotReversible = {
  readonly type: "not-reversible";
  readonly reason: "is-a-reversal" | "is-reversed";
};

type Posted = Omit<Entry, "version" | "postings"> & { readonly postings: Balanced };

export const Entry = {
  post(entry: Posted): Change<Entry, AccountsEvent> {
    const { id, postings, exchange, ...facts } = entry;
    const posted = EntryPosted({
      entryId: id,
      postings: Postings.spell(postings),
      ...facts,
      ...(exchange === undefined ? {} : { exchange: Exchange.spell(exchange) }),
    });
    return { state: { ...entry, version: Version.none }, events: [posted] };
  },

  /** `isReversed`: whether another entry has reversed it. */
  reverse(
    entry: Entry & { readonly isReversed: boolean },
    reversal: Pick<Entry, "id" | "date" | "memo">,
  ): Result<Change<Entry, AccountsEvent>, NotReversible> {
    if (entry.reverses !== undefined)
      return err({ type: "not-reversible", reason: "is-a-reversal" });
    if (entry.isReversed) return err({ type: "not-reversible", reason: "is-reversed" });
    const postings = Postings.reversed(entry.postings) as Balanced;
    return ok(Entry.post({ ...reversal, postings, tags: entry.tags, reverses: entry.id }));
  },
};
