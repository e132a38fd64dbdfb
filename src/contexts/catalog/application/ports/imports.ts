import type { Saves } from "#kernel/repository.ts";
import type { CatalogEvent } from "../../domain/events.ts";
import type { ImportId } from "../../domain/ids.ts";
import type { ArrivingImport, Import, RowOutcome, WaitingImport } from "../../domain/import.ts";

/** A row of a file: its cells by column. */
export type Cells = { readonly [column: string]: string };

export type ImportRow = { readonly line: number; readonly cells: Cells };

/** The outcome of a row, and the refusal if there is one. */
export type SettledRow = {
  readonly line: number;
  readonly outcome: RowOutcome;
  readonly reason?: { readonly type: string };
};

/** What a row calls its thing. */
export type Named = { readonly slug?: string; readonly sku?: string };

export type Imports = Saves<Import, CatalogEvent> & {
  /** Opens an import for rows to arrive in. */
  readonly open: (arriving: ArrivingImport) => void;
  /** Keeps rows that have arrived. */
  readonly stage: (id: ImportId, rows: readonly ImportRow[]) => void;
  /** Forgets an import whose rows have not arrived whole, and no other. */
  readonly discard: (id: ImportId) => void;
  readonly byId: (id: ImportId) => Promise<Import | undefined>;
  /** The oldest whose rows have all arrived, and are not all settled. */
  readonly waiting: (limit: number) => Promise<readonly WaitingImport[]>;
  /** Rows that have no outcome yet, in the order of the file. */
  readonly unsettled: (id: ImportId, limit: number) => Promise<readonly ImportRow[]>;
  /** Whether none of these lines has an outcome. */
  readonly areUnsettled: (id: ImportId, lines: readonly number[]) => Promise<boolean>;
  /** Keeps and counts the outcomes of lines that have none yet. */
  readonly settle: (id: ImportId, rows: readonly SettledRow[]) => void;
  /** Outcomes in the order of the file, after a line. */
  readonly settled: (page: {
    readonly id: ImportId;
    readonly outcome?: RowOutcome | undefined;
    readonly after: number;
    readonly limit: number;
  }) => Promise<readonly (SettledRow & Named)[]>;
};
