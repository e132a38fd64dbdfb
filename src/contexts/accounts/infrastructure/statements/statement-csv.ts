import { ok, type Result } from "#kernel/result.ts";
import { csvRecords } from "#platform/http/uploaded-csv.ts";
import { UploadUnreadable } from "#platform/http/uploaded-text.ts";
import { readCell } from "#platform/spreadsheet-cell.ts";
import type { FilePart, FileRow, Raw, UploadInvalid } from "../../application/ports/providers.ts";
import { ExternalId } from "../../domain/observation.ts";
import type { AccountType } from "../../domain/account-type.ts";
import { worded } from "./cells.ts";

/** How a bank writes its rows: columns by what they say, in the order in which they are looked for. */
export type Layout = {
  readonly format: string;
  readonly type: AccountType;
  /** All of these columns make a file one of this layout. */
  readonly needs: readonly (readonly string[])[];
};

const date = ["date", "booking date", "posting date", "transaction date", "buchungstag", "datum"];
const amount = ["amount", "betrag", "value"];
/** Columns of a file of any bank. */
export const anyColumns = {
  date,
  amount,
  counterparty: ["counterparty", "payee", "name", "description", "merchant", "empfänger", "text"],
  remark: ["memo", "note", "notes", "reference text", "verwendungszweck"],
  id: ["id", "transaction id", "reference"],
  currency: ["currency", "währung"],
} as const;

const layouts: readonly Layout[] = [
  {
    format: "chase-card-csv",
    type: "card",
    needs: [["transaction date"], ["post date"], ["description"], ["amount"]],
  },
  {
    format: "chase-checking-csv",
    type: "checking",
    needs: [["details"], ["posting date"], ["description"], ["amount"], ["balance"]],
  },
  { format: "csv", type: "other", needs: [date, amount] },
];

const nameOf = (cell: string): string => cell.trim().toLowerCase().replaceAll(/\s+/g, " ");

/** Rows that are handed on together, and their letters. */
const [batchRows, batchLetters] = [500, 2 ** 20];
/** Cells of a row at most, and their letters. */
const [maxCells, maxLetters] = [200, 2 ** 16];
/** Columns that nobody knows are told up to this number, each up to this length. */
const [maxTold, maxName] = [20, 50];

/** The first row names columns of no layout that is known. */
export class ColumnsUnknown extends Error {
  readonly columns: readonly string[];

  constructor(names: readonly string[]) {
    super("the columns are unknown");
    this.columns = names.slice(0, maxTold).map((name) => name.slice(0, maxName));
  }
}

/** The cells by column; those beyond the last column have no name, and are kept if they say anything. */
const rawOf = (columns: readonly string[], record: readonly string[]): Raw =>
  Object.fromEntries(
    record.flatMap((cell, i) =>
      cell.trim() === "" ? [] : [[columns[i] || `column ${i + 1}`, readCell(cell)] as const],
    ),
  );

/** What a CSV file of one account says, as it arrives. Throws `UploadUnreadable` and `ColumnsUnknown`. */
export async function* csvParts(
  text: AsyncIterable<Buffer>,
): AsyncGenerator<Result<FilePart, UploadInvalid>> {
  let columns: readonly string[] | undefined;
  let [rows, letters]: [FileRow[], number] = [[], 0];
  for await (const { line, record } of csvRecords(text).records) {
    if (!columns) {
      columns = record.map(nameOf);
      const names = columns;
      const layout = layouts.find(({ needs }) =>
        needs.every((some) => some.some((name) => names.includes(name))),
      );
      if (!layout) throw new ColumnsUnknown(names);
      yield ok({ kind: "statement", head: { format: layout.format, type: layout.type } });
      continue;
    }
    const length = record.reduce((sum, cell) => sum + cell.length, 0);
    if (record.length > maxCells || length > maxLetters)
      throw new UploadUnreadable("record-too-long", line);
    const raw = rawOf(columns, record);
    const externalId = worded(ExternalId, anyColumns.id.flatMap((name) => raw[name] ?? [])[0]);
    rows.push({ line, raw, ...(externalId === undefined ? {} : { externalId }) });
    letters += length;
    if (rows.length < batchRows && letters < batchLetters) continue;
    yield ok({ kind: "rows", statement: 0, rows });
    [rows, letters] = [[], 0];
  }
  if (rows.length > 0) yield ok({ kind: "rows", statement: 0, rows });
}
