import type { Chore } from "#platform/events/housekeeping.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Link } from "#platform/postgres/hash-chain.ts";

const close = statement<{ readonly seen: number }>(
  "accounts.close-chain",
  "select accounts.close_chain($1) as seen",
);

/** Events of one statement: an entry may have a thousand postings. */
const closedAtOnce = 100;

/** Links the entries that are final and have no link yet, those of some `limit` events; answers how many events it has seen. */
export const chainEntries =
  (database: Database): Chore =>
  async (limit) => {
    for (let seen = 0; ;) {
      const [row] = await database.query(close, [Math.min(closedAtOnce, limit - seen)]);
      seen += row?.seen ?? 0;
      if (seen >= limit || (row?.seen ?? 0) < closedAtOnce) return seen;
    }
  };

/** Links all entries that are final by now. */
export const closeChain = async (database: Database): Promise<void> =>
  void (await chainEntries(database)(Infinity));

/** Links of a page. */
const atOnce = 1_000;

export type EntryLink = Link & { readonly entry_id: string };
/** Links after a number, a page of them. */
export const links = statement<EntryLink>(
  "accounts.links",
  `select c.number, c.entry_id, c.hash, accounts.canonical(e, p.postings) as text
     from accounts.chain c left join accounts.entries e on e.id = c.entry_id
     left join lateral (
       select string_agg(accounts.spelled(m), '' order by m.line) as postings
         from accounts.movements m where m.entry_id = e.id) p on true
    where c.number > $1 order by c.number limit ${atOnce}`,
);

/**
 * An entry that has no link and no event that waits for one: it was not posted by Basalt. What commits meanwhile has its event above the
 * mark.
 */
export const unlinked = statement<{ readonly id: string }>(
  "accounts.verify-unlinked",
  `select e.id from accounts.entries e
    where not exists (select from accounts.chain c where c.entry_id = e.id)
      and not exists (select from accounts.events v, accounts.chained h
                       where v.position > h.position and v.payload->>'entryId' = e.id)
    order by e.id limit 1`,
);
