import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { err, ok, type Result } from "#kernel/result.ts";
import { uploadedText, UploadUnreadable } from "#platform/http/uploaded-text.ts";
import { FormInvalid } from "#platform/http/uploads.ts";
import type { Timers } from "#platform/runtime.ts";
import { readCell, writtenCell } from "#platform/spreadsheet-cell.ts";
import { separatorOf } from "./dialect.ts";
import type { Separator } from "../domain/dialect.ts";
import type { Export } from "../application/imports/export-rows.ts";
import type { Cells, ImportRow } from "../application/ports/imports.ts";
import type { Upload, UploadedRows, UploadInvalid } from "../application/imports/receive-import.ts";

/** Loaded for the first file: they take 15 MiB. */
const reading = () => import("csv-parse");
const writing = () => import("csv-stringify/sync");

/** The limit of a row in characters. A longer row is refused before its end arrives. */
const maxRecordSize = 2 ** 17;
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
async function invalidOf(error: unknown, lines: number): Promise<UploadInvalid> {
  const { CsvError } = await reading();
  const refused = (reason: UploadInvalid["reason"], line?: number): UploadInvalid => ({
    type: "upload-invalid",
    reason,
    ...(line === undefined ? {} : { line }),
  });
  if (error instanceof FormInvalid) throw error;
  if (error instanceof UploadUnreadable) return refused(error.reason, lines);
  if (!(error instanceof CsvError)) return refused("broken-off", lines);
  const reason = error.code === "CSV_MAX_RECORD_SIZE" ? "record-too-long" : "malformed";
  return refused(reason, typeof error["lines"] === "number" ? error["lines"] : lines);
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

/** Lines that a record takes: cells may have breaks of their own. */
const linesOf = (record: readonly string[]): number =>
  record.reduce((lines, cell) => lines + (cell.match(/\r\n|\r|\n/g)?.length ?? 0), 1);

/** A record, and the number of empty lines before it. */
type Parsed = {
  readonly record: readonly string[];
  readonly info: { readonly empty_lines: number };
};

const lineBreak = /[\r\n]/;

/** The beginning of a text with its first line, if that is not too long, and what follows. */
async function firstLineOf(text: AsyncIterable<Buffer>) {
  const rest = text[Symbol.asyncIterator]();
  let begun = "";
  for (let piece = ""; !lineBreak.test(piece) && begun.length < maxRecordSize; begun += piece) {
    const { value, done } = await rest.next();
    if (done) break;
    piece = String(value);
  }
  return {
    begun,
    line: begun.split(lineBreak, 1)[0] ?? "",
    rest: { [Symbol.asyncIterator]: () => rest },
  };
}

/** Bytes of a line at most: the parser counts letters of cells, and a record could be of empty ones. */
const maxLineBytes = 2 * maxRecordSize;
const [lineFeed, carriageReturn] = [0x0a, 0x0d];

/** Refuses a line that is too long before it is parsed. */
function lineMeter() {
  let length = 0;
  return (piece: Buffer): Buffer => {
    const breaks = [lineFeed, carriageReturn].flatMap((byte) => {
      const [first, last] = [piece.indexOf(byte), piece.lastIndexOf(byte)];
      return first === -1 ? [] : [{ first, last }];
    });
    const first = Math.min(piece.length, ...breaks.map((found) => found.first));
    if (length + first > maxLineBytes) throw new UploadUnreadable("record-too-long");
    const last = Math.max(-1, ...breaks.map((found) => found.last));
    length = last === -1 ? length + piece.length : piece.length - last - 1;
    return piece;
  };
}

async function* following(begun: string, rest: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  const metered = lineMeter();
  yield metered(Buffer.from(begun));
  for await (const piece of rest) yield metered(piece);
}

type Reading = {
  readonly text: AsyncIterable<Buffer>;
  readonly recognised: (separator: Separator) => void;
};

/** A parser that the text arrives in, and the lines that are not for it. */
async function parsing({ text, recognised }: Reading) {
  const { parse } = await reading();
  const { begun, line, rest } = await firstLineOf(text);
  const { separator, isOnlySaid } = separatorOf(line);
  recognised(separator);
  const parser = parse({
    delimiter: separator,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true, // each would be a record otherwise, and cost as much
    max_record_size: maxRecordSize,
  });
  // An empty line in its place keeps the numbers of the others.
  const kept = isOnlySaid ? begun.slice(line.length) : begun;
  const arriving = pipeline(Readable.from(following(kept, rest)), parser);
  arriving.catch(() => {}); // the parser throws the same
  return parser as AsyncIterable<Parsed>;
}

async function* partsOf(text: Reading): AsyncGenerator<Part> {
  let collected: ReturnType<typeof collector> | undefined;
  let [filled, next] = [0, 1];
  try {
    for await (const { record, info } of await parsing(text)) {
      const line = filled + info.empty_lines + 1;
      filled += linesOf(record);
      next = filled + info.empty_lines + 1;
      if (!collected) {
        collected = collector(columnsOf(record));
        yield collected.take();
      } else if (record.some((cell) => cell.trim() !== "") && collected.add(line, record))
        yield collected.take();
    }
  } catch (error) {
    yield err(await invalidOf(error, next));
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
  const { text, digest, encoding } = uploadedText(body, timers, maxBytes);
  let separator: Separator = ",";
  const recognised = (found: Separator) => void (separator = found);
  return {
    parts: partsOf({ text, recognised }),
    digest,
    dialect: () => ({ encoding: encoding(), separator }),
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
