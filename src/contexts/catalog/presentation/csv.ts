import { err, ok, type Result } from "#kernel/result.ts";
import { csvRecords, type CsvRecord } from "#platform/http/uploaded-csv.ts";
import { uploadedText, UploadUnreadable } from "#platform/http/uploaded-text.ts";
import { FormInvalid } from "#platform/http/uploads.ts";
import type { Timers } from "#platform/runtime.ts";
import { readCell, writtenCell } from "#platform/spreadsheet-cell.ts";
import type { Export } from "../application/imports/export-rows.ts";
import type { Cells, ImportRow } from "../application/ports/imports.ts";
import type { Upload, UploadedRows, UploadInvalid } from "../application/imports/receive-import.ts";

/** Loaded for the first file: it takes some MiB. */
const writing = () => import("csv-stringify/sync");

/** Rows that are handed on together, and their characters. */
const [batchRows, batchLetters] = [500, 2 ** 20];

/** The cells by column. Spreadsheets write empty cells beyond the last column; one that is not is enough to report it. */
function cellsOf(columns: readonly string[], record: readonly string[]): Cells {
  const beyond = record.findIndex((cell, i) => i >= columns.length && cell.trim() !== "");
  const cells = record.slice(0, columns.length).map((cell, i) => [columns[i] ?? "", cell] as const);
  const told = beyond === -1 ? cells : [...cells, [`column ${beyond + 1}`, record[beyond] ?? ""]];
  return Object.fromEntries(told.map(([name, cell = ""]) => [name, readCell(cell)]));
}

/** Names of columns as a person may write them: `"SKU "`, `On hand`. Those at the end without a name are none. */
function columnsOf(record: readonly string[]): readonly string[] {
  const names = record.map((name) =>
    name
      .trim()
      .toLowerCase()
      .replaceAll(/[\s-]+/g, "_"),
  );
  return names.slice(0, names.findLastIndex((name) => name !== "") + 1);
}

/** What is wrong with the file. A form that is wrong is not the file's fault. */
function invalidOf(error: unknown, line: number): UploadInvalid {
  if (error instanceof FormInvalid) throw error;
  if (!(error instanceof UploadUnreadable))
    return { type: "upload-invalid", reason: "broken-off", line };
  return { type: "upload-invalid", reason: error.reason, line: error.line ?? line };
}

type Part = Result<UploadedRows, UploadInvalid>;

/** Rows until they are enough to be handed on. */
function collector(columns: readonly string[]) {
  let [rows, letters]: [ImportRow[], number] = [[], 0];
  return {
    add(line: number, record: readonly string[]): boolean {
      rows.push({ line, cells: cellsOf(columns, record) });
      letters += record.reduce((sum, cell) => sum + cell.length, 0);
      return rows.length >= batchRows || letters >= batchLetters;
    },
    take(): Part {
      const taken = rows;
      [rows, letters] = [[], 0];
      return ok({ columns, rows: taken });
    },
  };
}

async function* partsOf(records: AsyncIterable<CsvRecord>): AsyncGenerator<Part> {
  let collected: ReturnType<typeof collector> | undefined;
  let next = 1;
  try {
    for await (const { line, record, nextLine } of records) {
      next = nextLine;
      if (!collected) {
        collected = collector(columnsOf(record));
        yield collected.take();
      } else if (collected.add(line, record)) yield collected.take();
    }
  } catch (error) {
    yield err(invalidOf(error, next));
    return;
  }
  if (collected) yield collected.take();
}

/**
 * A CSV file while it arrives (RFC 4180; the first row names the columns), as spreadsheets write it, too: with semicolons or
 * tabs, in Windows-1252 or UTF-16.
 */
export function uploadedCsv(
  body: AsyncIterable<Uint8Array>,
  timers: Timers,
  maxBytes?: number,
): Upload {
  const file = uploadedText(body, timers, maxBytes);
  const { records, separator } = csvRecords(file.text);
  return {
    parts: partsOf(records),
    digest: file.digest,
    dialect: () => ({ encoding: file.encoding(), separator: separator() }),
  };
}

/** Spreadsheets of some countries take these for separators. */
const quoting = { quoted_match: /[;\t]/ };

/** CSV text of an export, some rows at a time. */
export async function* csvOf({ columns, rows }: Omit<Export, "kind">): AsyncGenerator<string> {
  const { stringify } = await writing();
  yield stringify([[...columns]], quoting);
  for await (const batch of rows)
    yield stringify(
      batch.map((cells) => columns.map((column) => writtenCell(cells[column] ?? ""))),
      quoting,
    );
}
