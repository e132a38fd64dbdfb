import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money, type SpelledMoney } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import type { Chore } from "#platform/events/housekeeping.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type {
  Imports,
  ImportedRow,
  SettledRow,
  StagedRow,
} from "../application/ports/statements.ts";
import type { Raw } from "../application/ports/providers.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { AccountId, ImportId, LineId, ObservationId, OwnerId } from "../domain/ids.ts";
import { Observation, type SpelledObservation } from "../domain/observation.ts";
import type { ProviderId } from "../domain/provider.ts";
import {
  outcomes,
  type Outcome,
  type Statement,
  type StatementImport,
  type Tally,
  type ToldBalance,
  type UndoingImport,
  type WaitingImport,
} from "../domain/statement-import.ts";

type SpelledStatement = Omit<Statement, "balance"> & {
  readonly balance?: Omit<ToldBalance, "amount"> & { readonly amount: SpelledMoney };
};
type Row = Tally & {
  readonly id: string;
  readonly owner_id: string;
  readonly provider: string;
  readonly account_id: string | null;
  readonly is_dry_run: boolean;
  readonly status: StatementImport["status"];
  readonly statements: readonly SpelledStatement[];
  readonly row_count: number;
  readonly received_at: Instant;
  readonly finished_at: Instant | null;
  readonly version: number;
};
const columns =
  "id, owner_id, provider, account_id, is_dry_run, status, statements, row_count, received_at, finished_at, version";
const tally = outcomes.join(", ");
const selected = `${columns}, ${tally}`;

const byId = statement<Row>(
  "accounts.import-by-id",
  `select ${selected} from accounts.statement_imports where id = $1`,
);
const holding = statement<Row>(
  "accounts.import-held",
  `select ${selected} from accounts.statement_imports where id = $1 for no key update`,
);
const page = statement<Row>(
  "accounts.import-page",
  `select ${selected} from accounts.statement_imports
    where owner_id = $1 and id < $2 and status <> 'arriving' order by id desc limit $3`,
);
const unfinished = statement<Row>(
  "accounts.imports-unfinished",
  `select * from (
     select distinct on (owner_id) ${selected} from accounts.statement_imports
      where status in ('waiting', 'undoing') and id <> all($2::text[]) order by owner_id, id) of_owners
    order by id limit $1`,
);
/**
 * Rows are counted where they are settled. Only an import that is opened is inserted: one whose owner is being erased stays away.
 */
const upsert = mutation(
  "accounts.import-upsert",
  inTurn,
  `with changed as (
     update accounts.statement_imports set status = $6, statements = $7::jsonb, row_count = $8,
            finished_at = $10::timestamptz, version = $11
      where id = $1 and $11::bigint > 0)
   insert into accounts.statement_imports (${columns})
   select $1, $2, $3, $4, $5::boolean, $6, $7::jsonb, $8::bigint, $9::timestamptz, $10::timestamptz, $11::bigint
    where $11::bigint = 0`,
);
const arrive = mutation(
  "accounts.import-arrive",
  inTurn,
  `update accounts.statement_imports set statements = $2::jsonb, row_count = $3
    where id = $1 and status || '' = 'arriving'`,
);
const stage = mutation(
  "accounts.import-stage",
  "observations",
  `insert into accounts.observations (id, import_id, number, line, statement, raw, external_id)
   select r.id, i.id, r.number, r.line, r.statement, r.raw, r."externalId"
     from (select id from accounts.statement_imports where id = $1 for share) i,
          jsonb_to_recordset($2::jsonb) as r(
            id text, number bigint, line bigint, statement smallint, raw jsonb, "externalId" text)`,
);
/** One that has been received meanwhile keeps its rows. */
const discard = mutation(
  "accounts.import-discard",
  inTurn,
  `with gone as (
     delete from accounts.statement_imports where id = $1 and status || '' = 'arriving' returning id)
   delete from accounts.observations where import_id in (select id from gone)`,
);

/** A row of an import as it is kept. */
export type RowOfImport = {
  readonly id: string;
  readonly import_id: string;
  readonly number: number;
  readonly line: number;
  readonly statement: number;
  readonly raw: Raw;
  readonly external_id: string | null;
  readonly outcome: Outcome;
  readonly account_id: string | null;
  readonly line_id: string | null;
  readonly observation: SpelledObservation | null;
  readonly reason: SettledRow["reason"] | null;
};
export const rowColumns = `o.id, o.import_id, o.number, o.line, o.statement, o.raw, o.external_id, o.outcome,
  o.account_id, o.line_id, o.observation, o.reason`;

const unsettled = statement<RowOfImport>(
  "accounts.import-unsettled",
  `select ${rowColumns} from accounts.unsettled($1, $2) o`,
);
const rowById = statement<RowOfImport>(
  "accounts.import-row",
  `select ${rowColumns} from accounts.observations o where o.id = $1 and o.outcome is not null`,
);
const rows = statement<RowOfImport>(
  "accounts.import-rows",
  `select ${rowColumns} from accounts.observations o
    where o.import_id = $1 and o.outcome is not null and ($2::text is null or o.outcome = $2)
      and o.id > $3 order by o.id limit $4`,
);
const rowsOfOwner = statement<RowOfImport>(
  "accounts.import-rows-of-owner",
  `select ${rowColumns} from accounts.statement_imports i
     join accounts.observations o on o.import_id = i.id
    where i.owner_id = $1 and i.status in ('waiting', 'finished') and not i.is_dry_run
      and o.outcome in ('doubtful', 'quarantined') and o.outcome = $2 and o.id > $3
    order by o.id limit $4`,
);
const settle = mutation("accounts.import-settle", inTurn, "select accounts.settle($1, $2::jsonb)");
const unsettle = mutation(
  "accounts.import-unsettle",
  inTurn,
  "select accounts.unsettle($1, $2::text[])",
);

const unsettleQuarantined = mutation(
  "accounts.import-unsettle-quarantined",
  inTurn,
  `select accounts.unsettle($1, array(
     select id from accounts.observations where import_id = $1 and outcome = 'quarantined'))`,
);

const isUndoing = statement<{ readonly has: boolean }>(
  "accounts.import-undoing",
  `select exists (select from accounts.statement_imports where owner_id = $1 and status = 'undoing') as has`,
);

const hasTold = statement<{ readonly has: boolean }>(
  "accounts.import-has-told",
  "select accounts.has_told($1, $2, $3) as has",
);

function toImport(row: Row): StatementImport {
  const { created, matched, updated, ignored, doubtful, quarantined, status, finished_at } = row;
  const known = {
    id: row.id as ImportId,
    ownerId: row.owner_id as OwnerId,
    provider: row.provider as ProviderId,
    ...(row.account_id === null ? {} : { accountId: row.account_id as AccountId }),
    isDryRun: row.is_dry_run,
    rows: row.row_count,
    statements: row.statements.map(readStatement),
    tally: { created, matched, updated, ignored, doubtful, quarantined },
    receivedAt: row.received_at,
    version: row.version as Version,
  };
  if (status !== "finished" && status !== "undone") return { ...known, status };
  if (finished_at === null) throw new Error(`${row.id} is finished since nobody knows when`);
  return { ...known, status, finishedAt: finished_at };
}

const readStatement = ({ balance, ...head }: SpelledStatement): Statement => ({
  ...head,
  ...(balance ? { balance: { ...balance, amount: expect(Money.parse(balance.amount)) } } : {}),
});
const spellStatement = ({ balance, ...head }: Statement): SpelledStatement => ({
  ...head,
  ...(balance ? { balance: { ...balance, amount: Money.spell(balance.amount) } } : {}),
});

const toStaged = ({
  id,
  number,
  line,
  statement: inFile,
  raw,
  external_id,
}: RowOfImport): StagedRow => ({
  id: id as ObservationId,
  number,
  line,
  statement: inFile,
  raw,
  ...(external_id === null ? {} : { externalId: external_id }),
});

export const toRow = (row: RowOfImport): ImportedRow => ({
  ...toStaged(row),
  importId: row.import_id as ImportId,
  outcome: row.outcome,
  ...(row.account_id === null ? {} : { accountId: row.account_id as AccountId }),
  ...(row.line_id === null ? {} : { lineId: row.line_id as LineId }),
  ...(row.observation === null ? {} : { observation: Observation.read(row.observation) }),
  ...(row.reason ? { reason: row.reason } : {}),
});

const isUnfinished = (found: StatementImport): found is WaitingImport | UndoingImport =>
  found.status === "waiting" || found.status === "undoing";

const spellRow = ({ observation, ...row }: SettledRow) => ({
  ...row,
  ...(observation ? { observation: Observation.spell(observation) } : {}),
});

export function postgresImports({ read, write, append }: Transaction): Imports {
  const put = (next: StatementImport) =>
    write(upsert, [
      next.id,
      next.ownerId,
      next.provider,
      next.accountId ?? null,
      next.isDryRun,
      next.status,
      JSON.stringify(next.statements.map(spellStatement)),
      next.rows,
      next.receivedAt,
      "finishedAt" in next ? next.finishedAt : null,
      next.version,
    ]);
  return {
    open: put,
    arrive: ({ id, statements, rows: arrived }) =>
      write(arrive, [id, JSON.stringify(statements.map(spellStatement)), arrived]),
    save: saving<StatementImport, AccountsEvent>(append, idOf, put),
    stage: (id, staged) => write(stage, [id, JSON.stringify(staged)]),
    discard: (id) => write(discard, [id]),
    async held(id) {
      const [row] = await read(holding, [id]);
      return row && toImport(row);
    },
    async byId(id) {
      const [row] = await read(byId, [id]);
      return row && toImport(row);
    },
    page: async ({ ownerId, before = "~", limit }) =>
      (await read(page, [ownerId, before, limit])).map(toImport),
    unfinished: async (limit, besides) =>
      (await read(unfinished, [limit, besides])).map(toImport).filter(isUnfinished),
    unsettled: async (id, limit) => (await read(unsettled, [id, limit])).map(toStaged),
    settle: (id, settled) => write(settle, [id, JSON.stringify(settled.map(spellRow))]),
    unsettle: (id, ids) => write(unsettle, [id, ids]),
    unsettleQuarantined: (id) => write(unsettleQuarantined, [id]),
    async isUndoing(ownerId) {
      const [row] = await read(isUndoing, [ownerId]);
      return row?.has === true;
    },
    async hasTold(id, { accountId, until }) {
      const [row] = await read(hasTold, [id, accountId, until]);
      return row?.has === true;
    },
    async row(id) {
      const [row] = await read(rowById, [id]);
      return row && toRow(row);
    },
    async rows({ importId, ownerId, outcome, after = "", limit }) {
      const found =
        importId === undefined
          ? await read(rowsOfOwner, [ownerId ?? "", outcome ?? "", after, limit])
          : await read(rows, [importId, outcome ?? null, after, limit]);
      return found.map(toRow);
    },
  };
}

/** Rows of uploads that broke off are forgotten after a day. */
const forgetArriving = statement<{ readonly id: string }>(
  "accounts.forget-arriving",
  `with gone as (
     delete from accounts.statement_imports i
      where status = 'arriving' and received_at < now() - interval '1 day'
        and not exists (select from accounts.observations o where o.import_id = i.id))
   delete from accounts.observations where id in (
     select o.id from accounts.statement_imports i join accounts.observations o on o.import_id = i.id
      where i.status = 'arriving' and i.received_at < now() - interval '1 day' limit $1)
   returning id`,
);

/** Forgets what arrived of files that never arrived whole. */
export const forgetArrivingStatements =
  (database: Database): Chore =>
  async (limit) =>
    (await database.query(forgetArriving, [limit])).length;
