import type { Change } from "#kernel/change.ts";
import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation, type Write } from "#platform/postgres/writes.ts";
import type {
  Journal,
  RecordedEntry,
  Recording,
  StatementLine,
} from "../application/ports/journal.ts";
import type { Entry } from "../domain/entry.ts";
import type { AccountsEvent } from "../domain/events.ts";
import { Exchange, type SpelledExchange } from "../domain/exchange.ts";
import type { AccountId, EntryId, TransferId } from "../domain/ids.ts";
import type { Memo, Tag } from "../domain/labels.ts";
import type { Movement } from "../domain/ledger.ts";
import { Postings } from "../domain/posting.ts";

/** The function locks the accounts, moves their money and answers the movements, which are inserted here. */
const move = mutation(
  "accounts.move",
  "movements",
  `insert into accounts.movements
   select * from accounts.move($1::text[], $2::bigint[], $3::bigint[], $4::timestamptz, $5::date, $6, $7)`,
);
/** The same of many entries, in one statement. */
const moveAll = mutation(
  "accounts.move-all",
  "movements",
  `insert into accounts.movements
   select * from accounts.move_all($1::text[], $2::bigint[], $3::text[], $4::smallint[], $5::date[], $6::timestamptz)`,
);
const insertEntries = mutation(
  "accounts.entries-insert",
  "entries",
  `insert into accounts.entries (id, date, memo, tags, reverses)
   select id, date, memo, array(select jsonb_array_elements_text(tags)), reverses
     from jsonb_to_recordset($1::jsonb) as e(id text, date date, memo text, tags jsonb, reverses text)`,
);
const insertEntry = mutation(
  "accounts.entry-insert",
  "entries",
  `insert into accounts.entries (id, date, memo, tags, reverses, transfer_id, exchange)
   values ($1, $2::date, $3, $4::text[], $5, $6, $7::jsonb)`,
);

type EntryRow = {
  readonly id: string;
  readonly date: string;
  readonly recorded_at: Instant;
  readonly memo: string | null;
  readonly tags: readonly string[];
  readonly reverses: string | null;
  readonly transfer_id: string | null;
  readonly exchange: SpelledExchange | null;
  readonly is_reversed: boolean;
  readonly account_id: string;
  readonly currency: string;
  readonly amount: string;
};
/** A row for each posting of the entries that are called `e`. */
const postingsOf = (entries: string) =>
  `select e.id, e.date::text as date, m.recorded_at, e.memo, e.tags, e.reverses, e.transfer_id, e.exchange,
          exists (select from accounts.entries r where r.reverses = e.id) as is_reversed,
          m.account_id, m.currency, m.amount::text as amount
     from ${entries} e join accounts.movements m on m.entry_id = e.id
    order by e.id, m.line`;
const byId = statement<EntryRow>(
  "accounts.entry-by-id",
  postingsOf("(select * from accounts.entries where id = $1)"),
);
const entryPage = statement<EntryRow>(
  "accounts.entry-page",
  postingsOf("(select * from accounts.entries where id > $1 order by id limit $2)"),
);

type LineRow = {
  readonly sequence: number;
  readonly recorded_at: Instant;
  readonly date: string;
  readonly entry_id: string;
  readonly transfer_id: string | null;
  readonly memo: string | null;
  readonly currency: string;
  readonly amount: string;
  readonly posted_after: string;
};
const lineColumns = `m.sequence, m.recorded_at, m.date::text as date, m.entry_id, m.transfer_id, e.memo,
  m.currency, m.amount::text as amount, m.posted_after::text as posted_after`;
/** The number of the last movement of an account before an instant; 0 before its first. */
const lastBefore = (instant: string) =>
  `coalesce((select sequence from accounts.movements
              where account_id = $1 and recorded_at < ${instant}::timestamptz
              order by recorded_at desc, sequence desc limit 1), 0)`;
const lines = (name: string, comparison: "<" | ">", direction: "desc" | "asc") =>
  statement<LineRow>(
    name,
    `select ${lineColumns}
       from (select * from accounts.movements
              where account_id = $1 and sequence ${comparison} $2 and entry_id is not null
                and sequence > ${lastBefore("$3")} and sequence <= ${lastBefore("$4")}
              order by sequence ${direction} limit $5) m
       join accounts.entries e on e.id = m.entry_id
      order by m.sequence ${direction}`,
  );
const statementOrders = {
  newest: lines("accounts.statement-newest", "<", "desc"),
  oldest: lines("accounts.statement-oldest", ">", "asc"),
};
/** Before the first and after the last of all. */
const farthest = { newest: Number.MAX_SAFE_INTEGER, oldest: 0 };

const touching = statement<{ readonly sequence: number; readonly transfer_id: string }>(
  "accounts.movements-of-transfers",
  `select sequence, transfer_id from accounts.movements
    where account_id = $1 and sequence > $2 and transfer_id is not null
    order by sequence limit $3`,
);

type PastRow = { readonly posted: string; readonly held: string };
const at = statement<PastRow>(
  "accounts.balance-at",
  `select posted_after::text as posted, held_after::text as held from accounts.movements
    where account_id = $1 and recorded_at <= $2 order by recorded_at desc, sequence desc limit 1`,
);
/** The balance at the end of the day, corrected by the entries that are dated on another day than that of their recording. */
const onDate = statement<Pick<PastRow, "posted">>(
  "accounts.balance-on-date",
  `select (coalesce((select posted_after from accounts.movements
                      where account_id = $1
                        and recorded_at < ($2::date + 1)::timestamp at time zone 'UTC'
                      order by recorded_at desc, sequence desc limit 1), 0)
           + coalesce((select sum(amount) from accounts.days
                        where account_id = $1 and date <= $2::date), 0))::text as posted`,
);

type TrialRow = { readonly id: string; readonly currency: string; readonly posted: string };
/** The balance of each account of `a` at $1. */
const past = `cross join lateral (
       select posted_after from accounts.movements
        where account_id = a.id and recorded_at <= $1
        order by recorded_at desc, sequence desc limit 1) m`;
const trial = statement<TrialRow>(
  "accounts.trial-balance",
  `select a.id, a.currency, m.posted_after::text as posted
     from accounts.accounts a ${past} where a.id > $2 order by a.id limit $3`,
);
const totals = statement<{ readonly currency: string; readonly posted: string }>(
  "accounts.trial-totals",
  `select a.currency, sum(m.posted_after)::text as posted
     from accounts.accounts a ${past} group by a.currency order by a.currency`,
);

/** Rows of one entry follow each other. */
function toEntries(rows: readonly EntryRow[]): readonly RecordedEntry[] {
  const byEntry = Map.groupBy(rows, ({ id }) => id);
  return [...byEntry.values()].flatMap((postings) => {
    const [first] = postings;
    return first ? [toEntry(first, postings)] : [];
  });
}

const toEntry = (row: EntryRow, postings: readonly EntryRow[]): RecordedEntry => ({
  id: row.id as EntryId,
  date: row.date as CivilDate,
  recordedAt: row.recorded_at,
  ...(row.memo === null ? {} : { memo: row.memo as Memo }),
  tags: row.tags as readonly Tag[],
  ...(row.reverses === null ? {} : { reverses: row.reverses as EntryId }),
  ...(row.transfer_id === null ? {} : { transferId: row.transfer_id as TransferId }),
  ...(row.exchange === null ? {} : { exchange: toExchange(row.exchange) }),
  isReversed: row.is_reversed,
  postings: postings.map(({ account_id, amount, currency }) => ({
    accountId: account_id as AccountId,
    amount: Money.of(BigInt(amount), currency as Currency),
  })),
  version: 1 as Version,
});

const toExchange = ({ sold, bought, ...said }: SpelledExchange): Exchange => ({
  ...said,
  sold: expect(Money.parse(sold)),
  bought: expect(Money.parse(bought)),
});

const toLine = (row: LineRow): StatementLine => ({
  sequence: row.sequence,
  recordedAt: row.recorded_at,
  date: row.date as CivilDate,
  entryId: row.entry_id as EntryId,
  ...(row.transfer_id === null ? {} : { transferId: row.transfer_id as TransferId }),
  ...(row.memo === null ? {} : { memo: row.memo as Memo }),
  amount: Money.of(BigInt(row.amount), row.currency as Currency),
  balance: Money.of(BigInt(row.posted_after), row.currency as Currency),
});
const toPast = (row: PastRow | undefined) => ({
  posted: BigInt(row?.posted ?? 0),
  held: BigInt(row?.held ?? 0),
});

/** The writes of many entries. */
function keepingAll(
  changes: readonly Change<Entry, AccountsEvent>[],
  now: Instant,
): readonly Write[] {
  const entries = changes.map(({ state: { id, date, memo, tags, reverses } }) => {
    return { id, date, memo, tags, reverses };
  });
  const postings = changes.flatMap(({ state: { id, date, postings: all } }) =>
    all.map((posting, i) => ({ ...posting, id, date, line: i + 1 })),
  );
  const moved = [
    postings.map(({ accountId }) => accountId),
    postings.map(({ amount }) => amount.minor.toString()),
    postings.map(({ id }) => id),
    postings.map(({ line }) => line),
    postings.map(({ date }) => date),
    now,
  ];
  return [
    { mutation: insertEntries, values: [JSON.stringify(entries)] },
    { mutation: moveAll, values: moved },
  ];
}

export function postgresJournal({ read, write, append }: Transaction): Journal {
  function keep(movements: readonly Movement[], record: Recording): void {
    const { at: now, date, transferId, entry } = record;
    if (entry)
      write(insertEntry, [
        entry.id,
        date,
        entry.memo ?? null,
        entry.tags,
        entry.reverses ?? null,
        transferId ?? null,
        entry.exchange ? JSON.stringify(Exchange.spell(entry.exchange)) : null,
      ]);
    write(move, [
      movements.map(({ accountId }) => accountId),
      movements.map(({ amount }) => amount.minor.toString()),
      movements.map(({ held }) => held.toString()),
      now,
      date,
      entry?.id ?? null,
      transferId ?? null,
    ]);
  }
  return {
    move: keep,
    post({ state, events }, now) {
      keep(Postings.movements(state.postings), { at: now, date: state.date, entry: state });
      append(state.id, Version.none, events);
    },
    postAll(changes, now) {
      for (const { mutation: query, values } of keepingAll(changes, now)) write(query, values);
      for (const { state, events } of changes) append(state.id, Version.none, events);
    },
    byId: async (id) => toEntries(await read(byId, [id]))[0],
    page: async (after, limit) => toEntries(await read(entryPage, [after ?? "", limit])),
    async statement({ accountId, from, until, order, beyond, limit }) {
      const period = [from ?? "-infinity", until ?? "infinity"];
      const values = [accountId, beyond ?? farthest[order], ...period, limit];
      return (await read(statementOrders[order], values)).map(toLine);
    },
    touching: async (accountId, after, limit) =>
      (await read(touching, [accountId, after, limit])).map(({ sequence, transfer_id }) => ({
        sequence,
        transferId: transfer_id as TransferId,
      })),
    at: async (accountId, instant) => toPast((await read(at, [accountId, instant]))[0]),
    async onDate(accountId, date) {
      const [row] = await read(onDate, [accountId, date]);
      return { posted: BigInt(row?.posted ?? 0) };
    },
    async trial({ at: instant, after, limit }) {
      return (await read(trial, [instant, after ?? "", limit])).map((row) => ({
        accountId: row.id as AccountId,
        currency: row.currency as Currency,
        posted: BigInt(row.posted),
      }));
    },
    totals: async (instant) =>
      (await read(totals, [instant])).map(({ currency, posted }) =>
        Money.of(BigInt(posted), currency as Currency),
      ),
  };
}
