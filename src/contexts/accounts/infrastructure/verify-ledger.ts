import { err, ok, type Result } from "#kernel/result.ts";
import type { ChainHead } from "#platform/console/chain-head.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { checkedLinks } from "#platform/postgres/hash-chain.ts";
import { closeChain, links, unlinked } from "./ledger-chain.ts";

/** The first inconsistency in the ledger. `id` is empty where links are gone. */
export type Broken = {
  readonly what: "entry" | "account" | "transfer";
  readonly id: string;
  /** The movement of an account at which it begins. */
  readonly sequence?: number;
  /** The link of the chain over all entries. */
  readonly link?: number;
  readonly why: string;
};
export type Verdict =
  | {
      readonly intact: true;
      readonly accounts: number;
      readonly entries: number;
      /** The hash of the last link. */
      readonly head: string;
    }
  | { readonly intact: false; readonly broken: Broken };

const entries = statement<{ readonly n: number; readonly broken: string | null }>(
  "accounts.verify-entries",
  `select (select count(*) from accounts.entries) as n,
          least((select min(entry_id) from (
                   select entry_id from accounts.movements where entry_id is not null
                    group by entry_id, currency having sum(amount) <> 0) s),
                (select min(e.id) from accounts.entries e
                  where not exists (select from accounts.movements m where m.entry_id = e.id))) as broken`,
);

type AccountRow = {
  readonly id: string;
  /** The first movement that does not follow from those before it. */
  readonly gap: number | null;
  readonly is_posted: boolean;
  readonly is_held: boolean;
  readonly is_dated: boolean;
};
const accounts = statement<AccountRow>(
  "accounts.verify-accounts",
  `select a.id, s.gap, a.posted = coalesce(s.posted, 0) as is_posted,
          a.held = coalesce(s.held, 0) and a.movements = coalesce(s.n, 0) as is_held,
          not exists (
            select from (
              select date, amount from accounts.days where account_id = a.id
              union all
              select unnest(array[date, recorded_on]), unnest(array[-amount, amount]) from (
                select date, (recorded_at at time zone 'UTC')::date as recorded_on, amount
                  from accounts.movements where account_id = a.id) m
               where date <> recorded_on) days
             group by date having sum(amount) <> 0) as is_dated
     from (select * from accounts.accounts where id > $1 order by id limit $2) a
     left join lateral (
       select count(*) as n, sum(amount) as posted, sum(held) as held,
              min(sequence) filter (where sequence <> nth or posted_after <> posted_sum
                                       or held_after <> held_sum or is_late) as gap
         from (select sequence, amount, held, posted_after, held_after,
                      row_number() over w as nth, sum(amount) over w as posted_sum,
                      sum(held) over w as held_sum,
                      recorded_at < lag(recorded_at) over w as is_late
                 from accounts.movements where account_id = a.id
               window w as (order by sequence)) m) s on true
    order by a.id`,
);

type WholeRow = { readonly what: Broken["what"]; readonly id: string; readonly why: string };
/** The checks that span the whole ledger. */
const whole = statement<WholeRow>(
  "accounts.verify-whole",
  `select * from (
     select 'entry' as what, min(m.entry_id) as id, 'its movements have no entry' as why
       from accounts.movements m
      where m.entry_id is not null
        and not exists (select from accounts.entries e where e.id = m.entry_id)
     union all
     select 'entry', min(e.id), 'its transfer does not say so'
       from accounts.entries e left join accounts.transfers t on t.id = e.transfer_id and t.entry_id = e.id
      where e.transfer_id is not null
        and (t.id is null or 2 * jsonb_array_length(t.moved)
               <> (select count(*) from accounts.movements m where m.entry_id = e.id))
     union all
     select 'transfer', min(t.id), 'its entry is missing'
       from accounts.transfers t left join accounts.entries e on e.id = t.entry_id and e.transfer_id = t.id
      where t.entry_id is not null and e.id is null
     union all
     select 'account', min(currency), 'all accounts of the currency do not sum to zero' from (
       select currency from accounts.accounts group by currency having sum(posted) <> 0) c
     union all
     select 'transfer', min(t.id), 'what it holds is not what its status says' from (
       select transfer_id as id, sum(held) as held from accounts.movements
        where held <> 0 group by transfer_id) h
       full join accounts.transfers t on t.id = h.id
      where (t.status = 'pending') is distinct from (coalesce(h.held, 0) <> 0)) all_of
    where id is not null limit 1`,
);

const accountsAtOnce = 500;

function brokenIn({ id, gap, is_posted, is_held, is_dated }: AccountRow): Broken | undefined {
  const off = (why: string) => ({ what: "account", id, why }) as const;
  if (gap !== null)
    return { ...off("a movement does not follow from those before it"), sequence: gap };
  if (!is_posted) return off("its balance is not the sum of its postings");
  if (!is_held) return off("what it holds is not the sum of its holds");
  return is_dated ? undefined : off("what counts on other days is not what its entries say");
}

/** Hears how many more were looked at. */
type Progress = (more: number) => void;
type Part = Result<number, Broken>;

const broken = (what: Broken["what"], id: string, why: string) => err<Broken>({ what, id, why });

async function verifyEntries(database: Database, onProgress: Progress): Promise<Part> {
  const [row] = await database.query(entries, []);
  if (row?.broken) return broken("entry", row.broken, "its postings do not sum to zero");
  onProgress(row?.n ?? 0);
  return ok(row?.n ?? 0);
}

async function verifyAccounts(database: Database, onProgress: Progress): Promise<Part> {
  let seen = 0;
  for (let after = "", isLast = false; !isLast;) {
    const rows = await database.query(accounts, [after, accountsAtOnce]);
    const found = rows.flatMap((row) => brokenIn(row) ?? [])[0];
    if (found) return err(found);
    after = rows.at(-1)?.id ?? "";
    seen += rows.length;
    isLast = rows.length < accountsAtOnce;
    onProgress(rows.length);
  }
  return ok(seen);
}

async function verifyChain(
  database: Database,
  expected: ChainHead | undefined,
  onProgress: Progress,
): Promise<Result<ChainHead, Broken>> {
  await closeChain(database);
  let head: ChainHead = { number: 0, hash: "" };
  for await (const { row, number, why } of checkedLinks(database, links)) {
    const id = why === "the link is missing" ? "" : row.entry_id;
    const at = (says: string) => err<Broken>({ what: "entry", id, link: number, why: says });
    if (why) return at(why);
    head = { number, hash: row.hash.toString("hex") };
    if (number === expected?.number && head.hash !== expected.hash)
      return at("its hash is not the expected one: it, or an entry before it, was changed");
    onProgress(1);
  }
  if (expected && head.number < expected.number)
    return err({
      what: "entry",
      id: "",
      link: head.number + 1,
      why: `the chain ends before it, and link ${expected.number} was expected: newer entries were removed, or the head is of another database`,
    });
  const [loose] = await database.query(unlinked, []);
  return loose ? broken("entry", loose.id, "it has no link") : ok(head);
}

async function verifySpanning(database: Database): Promise<Result<undefined, Broken>> {
  const [found] = await database.query(whole, []);
  return found ? err(found) : ok(undefined);
}

/**
 * Recomputes the whole ledger. The postings of each entry must sum to zero, the movements of each account to what was posted and held after
 * each of them, and to its balance, all accounts of a currency to zero, holds to what transfers say, and the hashes over all entries to their
 * links. Names the first place where that is not so. `expected` is a head that was noted elsewhere: without one, entries that were
 * cut off at the end with all that they did are not missed.
 */
export async function verifyLedger(
  database: Database,
  expected?: ChainHead,
  onProgress: (done: number) => void = () => {},
): Promise<Verdict> {
  let done = 0;
  const progress = (more: number) => onProgress((done += more));
  const [summed, balanced, spanning, chained] = await Promise.all([
    verifyEntries(database, progress),
    verifyAccounts(database, progress),
    verifySpanning(database),
    verifyChain(database, expected, progress),
  ]);
  if (!summed.ok) return { intact: false, broken: summed.error };
  if (!balanced.ok) return { intact: false, broken: balanced.error };
  if (!spanning.ok) return { intact: false, broken: spanning.error };
  if (!chained.ok) return { intact: false, broken: chained.error };
  const { number, hash } = chained.value;
  const head = number === 0 ? "" : `${number}:${hash}`;
  return { intact: true, entries: summed.value, accounts: balanced.value, head };
}
