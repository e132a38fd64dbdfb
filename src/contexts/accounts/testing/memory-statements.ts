import { CivilDate } from "#kernel/civil-date.ts";
import { saving, idOf } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type {
  Balances,
  BalanceTold,
  ImportedRow,
  Imports,
  Lines,
  Opening,
  SettledRow,
  StagedRow,
} from "../application/ports/statements.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { ImportId, ObservationId } from "../domain/ids.ts";
import type { Agreement } from "../domain/agreement.ts";
import type { Line } from "../domain/line.ts";
import { pendingDays } from "../domain/matching.ts";
import type { Outcome, StatementImport, Tally } from "../domain/statement-import.ts";

type Row = StagedRow & Partial<Omit<SettledRow, "id">> & { readonly importId: ImportId };

/** The tables of statements in memory. */
export const memoryStatementTables = () => ({
  imports: new MemoryTable<StatementImport>(
    () => undefined,
    () => {},
    ({ status, tally, rows }) =>
      status !== "finished" || Object.values(tally).reduce((sum, n) => sum + n, 0) === rows,
  ),
  rows: new MemoryTable<Row>(),
  lines: new MemoryTable<Line>(),
  balances: new MemoryTable<BalanceTold>(),
  agreements: new MemoryTable<Agreement>(),
  openings: new MemoryTable<Opening>(),
});
export type StatementTables = ReturnType<typeof memoryStatementTables>;

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const isSettled = (row: Row): row is Row & ImportedRow => row.outcome !== undefined;

const counted = (tally: Tally, outcome: Outcome | undefined, n: 1 | -1): Tally =>
  outcome === undefined ? tally : { ...tally, [outcome]: tally[outcome] + n };

/** A row without what became of it. */
function asItCame(row: Row): Row {
  const { outcome: _, accountId: __, lineId: ___, observation: ____, reason: _____, ...rest } = row;
  return rest;
}

function settlingIn({ imports, rows }: StatementTables, { change }: MemoryTransaction) {
  /** Changes a row, and what is counted of it. */
  const recount = (id: ImportId, row: ObservationId, to: (before: Row) => Row): void => {
    let [before, after]: (Outcome | undefined)[] = [];
    change<Row>(rows, row, (found) => {
      before = found?.outcome;
      const next = found && to(found);
      after = next?.outcome;
      return next;
    });
    change<StatementImport>(
      imports,
      id,
      (found) => found && { ...found, tally: counted(counted(found.tally, before, -1), after, 1) },
    );
  };
  return {
    settle: (id, settled) => {
      for (const row of settled) recount(id, row.id, (before) => ({ ...asItCame(before), ...row }));
    },
    unsettle: (id, ids) => {
      for (const row of ids) recount(id, row, asItCame);
    },
    unsettleQuarantined: (id) => {
      for (const row of rows.rows.values())
        if (row.importId === id && row.outcome === "quarantined") recount(id, row.id, asItCame);
    },
    hasTold: async (id, { accountId, until }) => {
      const told = [...rows.rows.values()];
      return told.some(
        (one) =>
          one.importId === id &&
          one.accountId === accountId &&
          one.lineId !== undefined &&
          told.some(
            ({ lineId, observation }) =>
              lineId === one.lineId && observation !== undefined && observation.date <= until,
          ),
      );
    },
  } satisfies Partial<Imports>;
}

export function importsIn(tables: StatementTables, transaction: MemoryTransaction): Imports {
  const { imports, rows } = tables;
  const { change, put, append } = transaction;
  const all = () => [...rows.rows.values()].toSorted((a, b) => byText(a.id, b.id));
  const newest = () => [...imports.rows.values()].toSorted((a, b) => byText(b.id, a.id));
  return {
    ...settlingIn(tables, transaction),
    open: (arriving) => put<StatementImport>(imports, arriving.id, arriving),
    arrive: ({ id, statements, rows: arrived }) =>
      change<StatementImport>(imports, id, (found) =>
        found?.status === "arriving" ? { ...found, statements, rows: arrived } : found,
      ),
    save: saving<StatementImport, AccountsEvent>(append, idOf, (next) =>
      change<StatementImport>(imports, next.id, (before) => ({
        ...next,
        tally: before && next.status !== "undone" ? before.tally : next.tally,
      })),
    ),
    stage(id, staged) {
      if (!imports.rows.has(id)) return;
      for (const row of staged) put<Row>(rows, row.id, { ...row, importId: id });
    },
    discard(id) {
      if (imports.rows.get(id)?.status !== "arriving") return;
      change<StatementImport>(imports, id, () => undefined);
      for (const row of all()) if (row.importId === id) change<Row>(rows, row.id, () => undefined);
    },
    byId: async (id) => imports.rows.get(id),
    held: async (id) => imports.rows.get(id),
    page: async ({ ownerId, before = "~", limit }) =>
      newest()
        .filter((one) => one.ownerId === ownerId && one.id < before && one.status !== "arriving")
        .slice(0, limit),
    unfinished: async (limit, besides) => {
      const unfinished = newest()
        .filter(({ id }) => !besides.includes(id))
        .flatMap((one) => (one.status === "waiting" || one.status === "undoing" ? [one] : []));
      return [...new Map(unfinished.map((one) => [one.ownerId, one])).values()]
        .toSorted((x, y) => byText(x.id, y.id))
        .slice(0, limit);
    },
    isUndoing: async (ownerId) =>
      newest().some((one) => one.ownerId === ownerId && one.status === "undoing"),
    unsettled: async (id, limit) =>
      all()
        .filter((row) => row.importId === id && !isSettled(row))
        .slice(0, limit),
    async row(id) {
      const row = rows.rows.get(id);
      return row && isSettled(row) ? row : undefined;
    },
    async rows({ importId, ownerId, outcome, after = "", limit }) {
      const isOf = (row: Row): boolean => {
        if (importId !== undefined) return row.importId === importId;
        const importing = imports.rows.get(row.importId);
        const isLive = importing?.status === "waiting" || importing?.status === "finished";
        return importing?.ownerId === ownerId && isLive && !importing.isDryRun;
      };
      return all()
        .filter(isSettled)
        .filter((row) => isOf(row) && row.id > after)
        .filter((row) => outcome === undefined || row.outcome === outcome)
        .slice(0, limit);
    },
  };
}

/** What was told, by the line that it is of. */
function historyIn({ rows, imports }: StatementTables) {
  const told = [...rows.rows.values()].toSorted((a, b) => byText(a.id, b.id));
  const byLine = Map.groupBy(told, ({ lineId }) => lineId);
  const toldOf = ({ id }: Line) => byLine.get(id) ?? [];
  const isLive = ({ importId }: Row) => imports.rows.get(importId)?.isDryRun === false;
  return {
    told,
    toldOf,
    historyOf: (line: Line) =>
      toldOf(line)
        .filter(isLive)
        .flatMap(({ observation }) => observation ?? []),
  };
}

function sumsIn(tables: StatementTables) {
  const { lines, imports } = tables;
  return {
    async sum(accountId, until) {
      const booked = [...lines.rows.values()].filter(
        (line) => line.accountId === accountId && line.status === "booked" && line.date <= until,
      );
      const [first] = booked.map(({ date }) => date).toSorted();
      const minor = booked.reduce((sum, { amount }) => sum + amount.minor, 0n);
      return { minor, ...(first === undefined ? {} : { first }) };
    },
    async sumTold(accountId, until) {
      const { toldOf } = historyIn(tables);
      const booked = [...lines.rows.values()]
        .filter((line) => line.accountId === accountId)
        .flatMap((line) => {
          const last = toldOf(line).findLast(
            ({ importId }) => importId <= until && imports.rows.get(importId)?.isDryRun === false,
          )?.observation;
          return last?.status === "booked" && last.corrects?.action !== "delete" ? [last] : [];
        });
      const [first] = booked.map(({ date }) => date).toSorted();
      const minor = booked.reduce((sum, { amount }) => sum + amount.minor, 0n);
      return { minor, ...(first === undefined ? {} : { first }) };
    },
  } satisfies Partial<Lines>;
}

export function linesIn(tables: StatementTables, { put }: MemoryTransaction): Lines {
  const { lines, imports } = tables;
  const all = () => [...lines.rows.values()].toSorted((a, b) => byText(a.id, b.id));
  const moneyOf = ({ date, amount }: Pick<Line, "date" | "amount">) => `${date} ${amount.minor}`;
  return {
    byIds: async (ids) => all().filter(({ id }) => ids.includes(id)),
    async candidates({ accountId, importId, observations, limit }) {
      const ids = new Set<string>(
        observations.flatMap(({ externalId, corrects }) =>
          [externalId ?? [], corrects?.of ?? []].flat(),
        ),
      );
      const moneys = new Set(observations.map(moneyOf));
      const days = observations.map(({ date }) => date).toSorted();
      const [first, last] = [days[0], days.at(-1)];
      const since = first && CivilDate.plus(first, -pendingDays);
      const { told: everything, toldOf, historyOf } = historyIn(tables);
      const own = everything.filter((row) => row.importId === importId);
      return all()
        .filter((line) => line.accountId === accountId)
        .filter(
          (line) =>
            toldOf(line).some(
              ({ externalId }) => externalId !== undefined && ids.has(externalId),
            ) ||
            (line.status !== "removed" && moneys.has(moneyOf(line))) ||
            (line.status === "pending" && since && last && line.date >= since && line.date <= last),
        )
        .slice(0, limit)
        .map((line) => ({
          ...line,
          isTaken: own.some((row) => row.lineId === line.id),
          isNamed:
            line.externalId !== undefined && own.some((row) => row.externalId === line.externalId),
          history: historyOf(line),
        }));
    },
    put(changed) {
      for (const line of changed) put<Line>(lines, line.id, line);
    },
    page: async ({ accountId, status, from = "", until = "~", before, limit }) =>
      all()
        .filter((line) => line.accountId === accountId)
        .filter((line) =>
          status === undefined ? line.status !== "removed" : line.status === status,
        )
        .filter((line) => line.date >= from && line.date <= until)
        .toSorted((a, b) => byText(b.date, a.date) || byText(b.id, a.id))
        .filter(
          (line) => !before || byText(`${line.date} ${line.id}`, `${before.date} ${before.id}`) < 0,
        )
        .slice(0, limit),
    ...sumsIn(tables),
    observations: async (ids) =>
      historyIn(tables)
        .told.filter(isSettled)
        .filter((row) => row.lineId !== undefined && ids.includes(row.lineId))
        .filter((row) => imports.rows.get(row.importId)?.isDryRun === false),
  };
}

export function balancesIn(
  { balances, agreements, openings }: StatementTables,
  { put, change }: MemoryTransaction,
): Balances {
  const toldOf = (accountId: string) =>
    [...balances.rows.values()]
      .filter((told) => told.accountId === accountId)
      .toSorted((a, b) => byText(a.on, b.on) || byText(a.importId, b.importId));
  return {
    put: (told) =>
      put<BalanceTold>(balances, `${told.accountId} ${told.on} ${told.importId}`, told),
    forget(importId) {
      for (const [key, told] of balances.rows)
        if (told.importId === importId) change<BalanceTold>(balances, key, () => undefined);
    },
    page: async ({ accountId, before = "~", limit }) =>
      [...new Map(toldOf(accountId).map((told) => [told.on, told])).values()]
        .toReversed()
        .filter(({ on }) => on < before)
        .slice(0, limit)
        .map(({ accountId: _accountId, importId: _importId, ...told }) => told),
    async first(accountId, besides) {
      const [told] = toldOf(accountId).filter(({ importId }) => importId !== besides);
      return told;
    },
    agree: (agreement) =>
      put<Agreement>(agreements, `${agreement.accountId} ${agreement.on}`, agreement),
    lift: (accountId, on) => change<Agreement>(agreements, `${accountId} ${on}`, () => undefined),
    agreements: async ({ accountId, before = "~", limit }) =>
      [...agreements.rows.values()]
        .filter((one) => one.accountId === accountId && one.on < before)
        .toSorted((a, b) => byText(b.on, a.on))
        .slice(0, limit),
    opening: async (accountId) => openings.rows.get(accountId),
    open: (opening) => put<Opening>(openings, opening.accountId, opening),
    unopen: (accountId) => change<Opening>(openings, accountId, () => undefined),
  };
}

/** What providers told of an owner is gone; what their accounts had stays, without its words. */
export function eraseStatements(
  { imports, rows, lines }: StatementTables,
  { change }: MemoryTransaction,
  { ownerId, accountIds }: { readonly ownerId: string; readonly accountIds: ReadonlySet<string> },
): void {
  for (const { id, ownerId: owner } of imports.rows.values()) {
    if (owner !== ownerId) continue;
    change<StatementImport>(imports, id, (found) =>
      found?.status === "finished" || found?.status === "undone"
        ? { ...found, statements: [] }
        : undefined,
    );
    for (const row of rows.rows.values())
      if (row.importId === id) change<Row>(rows, row.id, () => undefined);
  }
  for (const { id, accountId } of lines.rows.values())
    if (accountIds.has(accountId))
      change<Line>(lines, id, (line) => {
        const { counterparty: _, remark: __, externalId: ___, ...bare } = line ?? ({} as Line);
        return line && bare;
      });
}
