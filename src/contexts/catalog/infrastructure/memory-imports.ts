import { saved } from "#kernel/change.ts";
import { MemoryTable, type MemoryTransaction } from "#platform/memory/memory-store.ts";
import type { ImportRow, Imports, SettledRow } from "../application/ports.ts";
import type { ImportId } from "../domain/ids.ts";
import { rowOutcomes, type Import, type WaitingImport } from "../domain/import.ts";

type StagedRow = ImportRow & { readonly importId: ImportId; readonly settled?: SettledRow };

/** The tables of imports in memory. */
export const memoryImportTables = () => ({
  imports: new MemoryTable<Import | undefined>(),
  rows: new MemoryTable<StagedRow | undefined>(),
});
type Tables = ReturnType<typeof memoryImportTables>;

const keyOf = (id: ImportId, line: number) => `${id}/${line}`;
const isWaiting = (found: Import | undefined): found is WaitingImport =>
  found?.status === "waiting";

export function memoryImports(
  { imports, rows }: Tables,
  { put, append }: MemoryTransaction,
): Imports {
  const keep = (next: Import) => put<Import | undefined>(imports, next.id, next);
  const of = (id: ImportId) =>
    [...rows.rows.values()]
      .flatMap((row) => (row?.importId === id ? [row] : []))
      .toSorted((a, b) => a.line - b.line);
  return {
    open: keep,
    save(change) {
      const next = saved(change);
      if (change.events.length === 0) return next;
      keep(next);
      append(next.id, change.state.version, change.events);
      return next;
    },
    stage(id, staged) {
      for (const row of staged)
        put<StagedRow | undefined>(rows, keyOf(id, row.line), { ...row, importId: id });
    },
    discard(id) {
      if (imports.rows.get(id)?.status !== "arriving") return;
      for (const { line } of of(id)) put(rows, keyOf(id, line), undefined);
      put(imports, id, undefined);
    },
    byId: async (id) => imports.rows.get(id),
    waiting: async (limit) => [...imports.rows.values()].filter(isWaiting).slice(0, limit),
    unsettled: async (id, limit) =>
      of(id)
        .filter(({ settled }) => !settled)
        .slice(0, limit),
    areUnsettled: async (id, lines) =>
      lines.every((line) => rows.rows.get(keyOf(id, line))?.settled === undefined),
    settle(id, outcomes) {
      const found = imports.rows.get(id);
      if (!found) return;
      const settled = outcomes.filter(
        ({ line }) => rows.rows.get(keyOf(id, line))?.settled === undefined,
      );
      for (const row of settled) {
        const staged = rows.rows.get(keyOf(id, row.line));
        if (staged)
          put<StagedRow | undefined>(rows, keyOf(id, row.line), { ...staged, settled: row });
      }
      const tally = rowOutcomes.map((outcome) => [
        outcome,
        found.tally[outcome] + settled.filter((row) => row.outcome === outcome).length,
      ]);
      keep({ ...found, tally: Object.fromEntries(tally) as Import["tally"] });
    },
    settled: async ({ id, outcome, after, limit }) =>
      of(id)
        .flatMap(({ settled }) => (settled ? [settled] : []))
        .filter((row) => row.line > after && (outcome === undefined || row.outcome === outcome))
        .slice(0, limit),
  };
}
