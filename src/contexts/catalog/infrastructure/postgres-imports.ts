import type { CatalogEvent } from "../domain/events.ts";
import { saving, idOf } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import type { Chore } from "#platform/events/housekeeping.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { ImportRow, Imports, Named, SettledRow } from "../application/ports/imports.ts";
import type { Dialect } from "../domain/dialect.ts";
import type { ImportId, OwnerId } from "../domain/ids.ts";
import type { Import, RowOutcome, Tally, WaitingImport } from "../domain/import.ts";
import type { ImportKind } from "../domain/import-kind.ts";

type Row = Tally & {
  readonly id: string;
  readonly kind: ImportKind;
  readonly is_dry_run: boolean;
  readonly owner_id: string | null;
  readonly scopes: readonly string[] | null;
  readonly status: Import["status"];
  readonly row_count: number;
  readonly dialect: Dialect | null;
  readonly received_at: Instant;
  readonly finished_at: Instant | null;
  readonly version: number;
};
const columns =
  "id, kind, is_dry_run, owner_id, scopes, status, row_count, dialect, received_at, finished_at, version";
const byId = statement<Row>(
  "catalog.import-by-id",
  `select ${columns}, created, changed, unchanged, refused from catalog.imports where id = $1`,
);
const waiting = statement<Row>(
  "catalog.import-waiting",
  `select ${columns}, created, changed, unchanged, refused from catalog.imports
    where status = 'waiting' order by id limit $1`,
);
const upsert = mutation(
  "catalog.import-upsert",
  "imports",
  `insert into catalog.imports (${columns}) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
   on conflict (id) do update set status = excluded.status, row_count = excluded.row_count,
     dialect = excluded.dialect,
     finished_at = excluded.finished_at, version = excluded.version`,
);

const stage = mutation(
  "catalog.import-stage",
  "import_rows",
  `insert into catalog.import_rows (import_id, line, cells)
   select $1, line, cells from jsonb_to_recordset($2::jsonb) as r(line bigint, cells jsonb)`,
);
/** One that has been received meanwhile keeps its rows. */
const discard = mutation(
  "catalog.import-discard",
  inTurn,
  `with gone as (
     delete from catalog.imports where id = $1 and status = 'arriving' returning id)
   delete from catalog.import_rows where import_id in (select id from gone)`,
);
const unsettled = statement<ImportRow>(
  "catalog.import-unsettled",
  `select line, cells from catalog.import_rows
    where import_id = $1 and outcome is null order by line limit $2`,
);
const countUnsettled = statement<{ readonly lines: number }>(
  "catalog.import-count-unsettled",
  `select count(*) as lines from catalog.import_rows
    where import_id = $1 and line = any($2::bigint[]) and outcome is null`,
);
/** Settles only rows without an outcome and counts them. */
const settle = mutation(
  "catalog.import-settle",
  inTurn,
  `with settled as (
     update catalog.import_rows r set outcome = s.outcome, reason = s.reason
       from jsonb_to_recordset($2::jsonb) as s(line bigint, outcome text, reason jsonb)
      where r.import_id = $1 and r.line = s.line and r.outcome is null
     returning s.outcome)
   update catalog.imports i
      set created = i.created + t.created, changed = i.changed + t.changed,
          unchanged = i.unchanged + t.unchanged, refused = i.refused + t.refused
     from (select count(*) filter (where outcome = 'created') as created,
                  count(*) filter (where outcome = 'changed') as changed,
                  count(*) filter (where outcome = 'unchanged') as unchanged,
                  count(*) filter (where outcome = 'refused') as refused from settled) t
    where i.id = $1`,
);
type SettledOf = {
  readonly line: number;
  readonly outcome: RowOutcome;
  readonly reason: { readonly type: string } | null;
  readonly slug: string | null;
  readonly sku: string | null;
};
const settled = statement<SettledOf>(
  "catalog.import-settled",
  `select line, outcome, reason, cells ->> 'slug' as slug, cells ->> 'sku' as sku
    from catalog.import_rows
    where import_id = $1 and outcome is not null and ($2::text is null or outcome = $2)
      and line > $3 order by line limit $4`,
);

function toImport(row: Row): Import {
  const { created, changed, unchanged, refused, status, finished_at } = row;
  const known = {
    id: row.id as ImportId,
    kind: row.kind,
    isDryRun: row.is_dry_run,
    rows: row.row_count,
    ...(row.owner_id !== null && { ownerId: row.owner_id as OwnerId }),
    ...(row.scopes && { scopes: row.scopes }),
    ...(row.dialect && { dialect: row.dialect }),
    receivedAt: row.received_at,
    version: row.version as Version,
    tally: { created, changed, unchanged, refused },
  };
  if (status !== "finished") return { ...known, status };
  if (finished_at === null) throw new Error(`${row.id} is finished since nobody knows when`);
  return { ...known, status, finishedAt: finished_at };
}

const toSettled = ({ line, outcome, reason, slug, sku }: SettledOf): SettledRow & Named => ({
  line,
  outcome,
  ...(slug === null ? {} : { slug }),
  ...(sku === null ? {} : { sku }),
  ...(reason === null ? {} : { reason }),
});

const isWaiting = (found: Import): found is WaitingImport => found.status === "waiting";

export function postgresImports({ read, write, append }: Transaction): Imports {
  const put = (next: Import) =>
    write(upsert, [
      next.id,
      next.kind,
      next.isDryRun,
      next.ownerId ?? null,
      next.scopes ? JSON.stringify(next.scopes) : null,
      next.status,
      next.rows,
      next.dialect ? JSON.stringify(next.dialect) : null,
      next.receivedAt,
      next.status === "finished" ? next.finishedAt : null,
      next.version,
    ]);
  return {
    open: put,
    save: saving<Import, CatalogEvent>(append, idOf, put),
    stage: (id, rows) => write(stage, [id, JSON.stringify(rows)]),
    discard: (id) => write(discard, [id]),
    async byId(id) {
      const [row] = await read(byId, [id]);
      return row && toImport(row);
    },
    async waiting(limit) {
      return (await read(waiting, [limit])).map(toImport).filter(isWaiting);
    },
    unsettled: (id, limit) => read(unsettled, [id, limit]),
    async areUnsettled(id, lines) {
      const [row] = await read(countUnsettled, [id, lines]);
      return row?.lines === lines.length;
    },
    settle: (id, rows) => write(settle, [id, JSON.stringify(rows)]),
    async settled({ id, outcome, after, limit }) {
      return (await read(settled, [id, outcome ?? null, after, limit])).map(toSettled);
    },
  };
}

/** How long the rows of an import are kept after it has arrived, or has stopped arriving. */
const [keptDays, arrivingDays] = [30, 1];

const old = `(received_at < now() - interval '${keptDays} days' and status = 'finished')
  or (received_at < now() - interval '${arrivingDays} days' and status = 'arriving')`;
const forgetRows = statement<{ readonly line: number }>(
  "catalog.forget-import-rows",
  `with gone as (
     delete from catalog.imports i
      where status = 'arriving' and received_at < now() - interval '${arrivingDays} days'
        and not exists (select from catalog.import_rows r where r.import_id = i.id))
   delete from catalog.import_rows where (import_id, line) in (
     select r.import_id, r.line from catalog.imports i
       join catalog.import_rows r on r.import_id = i.id where ${old} limit $1)
   returning line`,
);

/** Forgets the rows of old imports, and those that never arrived; other numbers stay. */
export const forgetImportRows =
  (database: Database): Chore =>
  async (limit) =>
    (await database.query(forgetRows, [limit])).length;
