import type { CatalogEvent } from "../domain/events.ts";
import { saving, idOf } from "#kernel/repository.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { ImportRow, Imports, SettledRow } from "../application/ports/imports.ts";
import type { ImportId } from "../domain/ids.ts";
import { rowOutcomes, type Import, type WaitingImport } from "../domain/import.ts";

type StagedRow = ImportRow & { readonly importId: ImportId; readonly settled?: SettledRow };

/** The tables of imports in memory. */
export const memoryImportTables = () => ({
  imports: new MemoryTable<Import>(),
  rows: new MemoryTable<StagedRow>(),
});
type Tables = ReturnType<typeof memoryImportTables>;

const keyOf = (id: ImportId, line: number) => `${id}/${line}`;
const isWaiting = (found: Import | undefined): found is WaitingImport =>
  found?.status === "waiting";

export function memoryImports(
  { imports, rows }: Tables,
  { put, change, append }: MemoryTransaction,
): Imports {
  const keep = (next: Import) => put<Import>(imports, next.id, next);
  const rowsOf = (id: ImportId) =>
    [...rows.rows.values()]
      .filter(({ importId }) => importId === id)
      .toSorted((a, b) => a.line - b.line);
  const tallyOf = (id: ImportId) => {
    const settled = Map.groupBy(rowsOf(id), (row) => row.settled?.outcome);
    const counts = rowOutcomes.map((outcome) => [outcome, settled.get(outcome)?.length ?? 0]);
    return Object.fromEntries(counts) as Import["tally"];
  };
  return {
    open: keep,
    save: saving<Import, CatalogEvent>(append, idOf, keep),
    stage(id, staged) {
      for (const row of staged) put<StagedRow>(rows, keyOf(id, row.line), { ...row, importId: id });
    },
    discard(id) {
      if (imports.rows.get(id)?.status !== "arriving") return;
      for (const { line } of rowsOf(id)) change(rows, keyOf(id, line), () => undefined);
      change(imports, id, () => undefined);
    },
    byId: async (id) => imports.rows.get(id),
    waiting: async (limit) => [...imports.rows.values()].filter(isWaiting).slice(0, limit),
    unsettled: async (id, limit) =>
      rowsOf(id)
        .filter(({ settled }) => !settled)
        .slice(0, limit),
    areUnsettled: async (id, lines) =>
      lines.every((line) => rows.rows.get(keyOf(id, line))?.settled === undefined),
    settle(id, outcomes) {
      for (const row of outcomes)
        change<StagedRow>(rows, keyOf(id, row.line), (staged) =>
          staged && !staged.settled ? { ...staged, settled: row } : staged,
        );
      change<Import>(imports, id, (found) => found && { ...found, tally: tallyOf(id) });
    },
    settled: async ({ id, outcome, after, limit }) =>
      rowsOf(id)
        .flatMap(({ settled, cells: { slug, sku } }) =>
          settled
            ? [
                {
                  ...settled,
                  ...(slug === undefined ? {} : { slug }),
                  ...(sku === undefined ? {} : { sku }),
                },
              ]
            : [],
        )
        .filter((row) => row.line > after && (outcome === undefined || row.outcome === outcome))
        .slice(0, limit),
  };
}
