import type { CivilDate } from "#kernel/civil-date.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type Currency } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Balances, Lines } from "../application/ports/statements.ts";
import type { AccountId, EntryId, ImportId, LineId, ObservationId } from "../domain/ids.ts";
import type { Line } from "../domain/line.ts";
import { pendingDays } from "../domain/matching.ts";
import type { ToldBalance } from "../domain/statement-import.ts";
import {
  Observation,
  type Counterparty,
  type ExternalId,
  type Remark,
  type SpelledObservation,
} from "../domain/observation.ts";
import { toRow, rowColumns, type RowOfImport } from "./postgres-imports.ts";

type Row = {
  readonly id: string;
  readonly account_id: string;
  readonly status: Line["status"];
  readonly date: string;
  readonly amount: string;
  readonly currency: string;
  readonly counterparty: string | null;
  readonly remark: string | null;
  readonly external_id: string | null;
  readonly entry_id: string | null;
  readonly observation_id: string;
};
const columns = `l.id, l.account_id, l.status, l.date::text as date, l.amount::text as amount, l.currency,
  l.counterparty, l.remark, l.external_id, l.entry_id, l.observation_id`;

const byIds = statement<Row>(
  "accounts.lines-by-ids",
  `select ${columns} from accounts.lines l where l.id = any($1::text[])`,
);
type CandidateRow = Row & {
  readonly is_taken: boolean;
  readonly is_named: boolean;
  readonly history: readonly SpelledObservation[];
};
const candidates = statement<CandidateRow>(
  "accounts.lines-alike",
  `select ${columns}, l.is_taken, l.is_named, l.history
     from accounts.lines_alike($1, $2, $3::text[], $4::date[], $5::bigint[], $6, $7) l`,
);
const page = statement<Row>(
  "accounts.line-page",
  `select ${columns} from accounts.lines l
    where l.account_id = $1 and (l.date, l.id) < ($2::date, $3)
      and ($4::text is null and l.status <> 'removed' or l.status = $4)
      and l.date >= $5::date and l.date <= $6::date
    order by l.date desc, l.id desc limit $7`,
);
const sum = statement<{ readonly minor: string; readonly first: string | null }>(
  "accounts.line-sum",
  `select coalesce(sum(amount), 0)::text as minor, min(date)::text as first
     from accounts.lines where account_id = $1 and date <= $2::date and status = 'booked'`,
);
const observations = statement<RowOfImport>(
  "accounts.line-observations",
  `select ${rowColumns} from accounts.observations o
     join accounts.statement_imports i on i.id = o.import_id and not i.is_dry_run
    where o.line_id = any($1::text[]) order by o.id`,
);
const put = mutation(
  "accounts.line-put",
  "lines",
  `insert into accounts.lines (id, account_id, status, date, amount, currency, counterparty, remark,
     external_id, entry_id, observation_id)
   select * from jsonb_to_recordset($1::jsonb) as l(
     id text, account_id text, status text, date date, amount bigint, currency text, counterparty text,
     remark text, external_id text, entry_id text, observation_id text)
   on conflict (id) do update set status = excluded.status, date = excluded.date, amount = excluded.amount,
     counterparty = excluded.counterparty, remark = excluded.remark, external_id = excluded.external_id,
     entry_id = excluded.entry_id, observation_id = excluded.observation_id`,
);

const toLine = (row: Row): Line => ({
  id: row.id as LineId,
  accountId: row.account_id as AccountId,
  status: row.status,
  date: row.date as CivilDate,
  amount: Money.of(BigInt(row.amount), row.currency as Currency),
  ...(row.counterparty === null ? {} : { counterparty: row.counterparty as Counterparty }),
  ...(row.remark === null ? {} : { remark: row.remark as Remark }),
  ...(row.external_id === null ? {} : { externalId: row.external_id as ExternalId }),
  ...(row.entry_id === null ? {} : { entryId: row.entry_id as EntryId }),
  observationId: row.observation_id as ObservationId,
});

const toKept = (line: Line) => ({
  id: line.id,
  account_id: line.accountId,
  status: line.status,
  date: line.date,
  amount: line.amount.minor.toString(),
  currency: line.amount.currency,
  counterparty: line.counterparty,
  remark: line.remark,
  external_id: line.externalId,
  entry_id: line.entryId,
  observation_id: line.observationId,
});

/** Of each line what an import, or one before it, told last. */
const sumTold = statement<{
  readonly amount: string;
  readonly currency: string | null;
  readonly first: string | null;
}>("accounts.line-sum-told", "select amount, currency, first from accounts.sum_told($1, $2)");

/** Before the first day and after the last. */
const [always, forever] = ["-infinity", "infinity"];

export const postgresLines = ({ read, write }: Transaction): Lines => ({
  byIds: async (ids) => (await read(byIds, [ids])).map(toLine),
  async candidates({ accountId, importId, observations: told, limit }) {
    const rows = await read(candidates, [
      accountId,
      importId,
      told.flatMap(({ externalId, corrects }) =>
        [externalId, corrects?.of].filter((id) => id !== undefined),
      ),
      told.map(({ date }) => date),
      told.map(({ amount }) => amount.minor.toString()),
      pendingDays,
      limit,
    ]);
    return rows.map((row) => ({
      ...toLine(row),
      isTaken: row.is_taken,
      isNamed: row.is_named,
      history: row.history.map(Observation.read),
    }));
  },
  put: (lines) => write(put, [JSON.stringify(lines.map(toKept))]),
  async page({ accountId, status, from, until, before, limit }) {
    const place = [before?.date ?? forever, before?.id ?? ""];
    const values = [accountId, ...place, status ?? null, from ?? always, until ?? forever, limit];
    return (await read(page, values)).map(toLine);
  },
  async sum(accountId, until) {
    const [row] = await read(sum, [accountId, until]);
    const first = row?.first ?? undefined;
    return {
      minor: BigInt(row?.minor ?? 0),
      ...(first === undefined ? {} : { first: first as CivilDate }),
    };
  },
  async sumTold(accountId, until) {
    const [row] = await read(sumTold, [accountId, until]);
    if (!row || row.currency === null) return { minor: 0n };
    const { minor } = expect(Money.parse({ amount: row.amount, currency: row.currency }));
    return { minor, ...(row.first === null ? {} : { first: row.first as CivilDate }) };
  },
  observations: async (ids) => (await read(observations, [ids])).map(toRow),
});

type BalanceRow = { readonly date: string; readonly amount: string; readonly currency: string };
type ToldRow = BalanceRow & { readonly import_id: string; readonly told_at: Instant | null };
const told = "date::text as date, amount::text as amount, currency";
const balancePage = statement<ToldRow>(
  "accounts.balance-page",
  `select distinct on (b.date) b.date::text as date, b.amount::text as amount, b.currency, b.import_id, b.told_at
     from accounts.balances b where b.account_id = $1 and b.date < $2::date
    order by b.date desc, b.import_id desc limit $3`,
);
const firstBalance = statement<ToldRow>(
  "accounts.balance-first",
  `select ${told}, import_id, told_at from accounts.balances where account_id = $1 and import_id is distinct from $2
    order by date, import_id limit 1`,
);
const putBalance = mutation(
  "accounts.balance-put",
  "balances",
  `insert into accounts.balances (account_id, date, import_id, amount, currency, told_at)
   values ($1, $2::date, $3, $4, $5, $6)
   on conflict (account_id, date, import_id) do update set amount = excluded.amount, told_at = excluded.told_at`,
);
const forgetBalances = mutation(
  "accounts.balance-forget",
  "balances",
  `delete from accounts.balances where import_id = $1`,
);
const agree = mutation(
  "accounts.agreement-put",
  "agreements",
  `insert into accounts.agreements (account_id, date, amount, currency, agreed_at) values ($1, $2::date, $3, $4, $5)`,
);
const lift = mutation(
  "accounts.agreement-lift",
  "agreements",
  `delete from accounts.agreements where account_id = $1 and date = $2::date`,
);
const agreements = statement<BalanceRow & { readonly agreed_at: Instant }>(
  "accounts.agreement-page",
  `select ${told}, agreed_at from accounts.agreements
    where account_id = $1 and agreements.date < $2::date order by agreements.date desc limit $3`,
);
const opening = statement<BalanceRow & { readonly entry_id: string }>(
  "accounts.opening",
  `select ${told}, entry_id from accounts.openings where account_id = $1`,
);
const open = mutation(
  "accounts.opening-put",
  "openings",
  `insert into accounts.openings (account_id, date, amount, currency, entry_id) values ($1, $2::date, $3, $4, $5)`,
);
const unopen = mutation(
  "accounts.opening-forget",
  "openings",
  `delete from accounts.openings where account_id = $1`,
);

const toBalance = ({ date, amount, currency }: BalanceRow) => ({
  on: date as CivilDate,
  amount: Money.of(BigInt(amount), currency as Currency),
});

const toTold = (row: ToldRow): ToldBalance => ({
  ...toBalance(row),
  ...(row.told_at === null ? {} : { at: row.told_at }),
});

export const postgresBalances = ({ read, write }: Transaction): Balances => ({
  put: ({ accountId, on, at, importId, amount: { minor, currency } }) =>
    write(putBalance, [accountId, on, importId, minor.toString(), currency, at ?? null]),
  forget: (importId: ImportId) => write(forgetBalances, [importId]),
  page: async ({ accountId, before = forever, limit }) =>
    (await read(balancePage, [accountId, before, limit])).map(toTold),
  async first(accountId, besides) {
    const [row] = await read(firstBalance, [accountId, besides ?? null]);
    return row && { accountId, importId: row.import_id as ImportId, ...toTold(row) };
  },
  agree: ({ accountId, on, balance: { minor, currency }, agreedAt }) =>
    write(agree, [accountId, on, minor.toString(), currency, agreedAt]),
  lift: (accountId, on) => write(lift, [accountId, on]),
  agreements: async ({ accountId, before = forever, limit }) =>
    (await read(agreements, [accountId, before, limit])).map((row) => {
      const { on, amount: balance } = toBalance(row);
      return { accountId, on, balance, agreedAt: row.agreed_at };
    }),
  async opening(accountId) {
    const [row] = await read(opening, [accountId]);
    if (!row) return undefined;
    const { on: date, amount } = toBalance(row);
    return { accountId, date, amount, entryId: row.entry_id as EntryId };
  },
  open: ({ accountId, date, amount: { minor, currency }, entryId }) =>
    write(open, [accountId, date, minor.toString(), currency, entryId]),
  unopen: (accountId) => write(unopen, [accountId]),
});
