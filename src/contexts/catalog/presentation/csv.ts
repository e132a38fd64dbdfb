import { createHash } from "node:crypto";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Timers } from "#platform/runtime.ts";
import type { Export } from "../application/imports/export-rows.ts";
import type { Cells, ImportRow } from "../application/ports/imports.ts";
import type { Upload, UploadedRows, UploadInvalid } from "../application/imports/receive-import.ts";

/** Loaded for the first file: they take 15 MiB. */
const reading = () => import("csv-parse");
const writing = () => import("csv-stringify/sync");

/** Bytes of a file at most. */
const maxUploadBytes = 256 * 2 ** 20;
/** The limit of a row in characters. A longer row is refused before its end arrives. */
const maxRecordSize = 2 ** 17;
/** Rows that are handed on together, and their characters. */
const [batchRows, batchLetters] = [500, 2 ** 20];

class Refused extends Error {
  readonly reason: UploadInvalid["reason"];

  constructor(reason: UploadInvalid["reason"]) {
    super(reason);
    this.reason = reason;
  }
}

/** Counts and digests the bytes that pass. Refuses text that is not UTF-8. */
function meter(maxBytes: number) {
  const hash = createHash("sha256");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  const isText = (chunk?: Buffer): boolean => {
    try {
      return !decoder.decode(chunk, { stream: chunk !== undefined }).includes("\0");
    } catch {
      return false;
    }
  };
  const stream = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > maxBytes) return done(new Refused("too-many-bytes"));
      if (!isText(chunk)) return done(new Refused("not-utf-8"));
      hash.update(chunk);
      return done(null, chunk);
    },
    flush: (done) => done(isText() ? null : new Refused("not-utf-8")),
  });
  return { stream, digest: () => hash.copy().digest("base64url") };
}

/** Excel opens a cell that begins so as a formula: it is written behind an apostrophe. */
const formula = /^'+[=+\-@\t\r]|^[=+\-@\t\r]/;
const withoutApostrophe = (cell: string) =>
  cell.startsWith("'") && formula.test(cell.slice(1)) ? cell.slice(1) : cell;
const number = /^-?\d+(\.\d+)?$/;
const withApostrophe = (cell: string) =>
  formula.test(cell) && !number.test(cell) ? `'${cell}` : cell;

/** The cells by column. One cell beyond the last column is enough to report it. */
const cellsOf = (columns: readonly string[], record: readonly string[]): Cells =>
  Object.fromEntries(
    record
      .slice(0, columns.length + 1)
      .map((cell, i) => [columns[i] ?? `column ${i + 1}`, withoutApostrophe(cell)]),
  );

async function invalidOf(error: unknown, lines: number): Promise<UploadInvalid> {
  const { CsvError } = await reading();
  const refused = (reason: UploadInvalid["reason"], line?: number): UploadInvalid => ({
    type: "upload-invalid",
    reason,
    ...(line === undefined ? {} : { line }),
  });
  if (error instanceof Refused) return refused(error.reason, lines);
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

/** Bytes that are parsed before others have their turn. */
const pieceBytes = 16_384;

/** A body in small pieces, between which the event loop goes on, whatever has arrived at once. */
async function* inPieces(
  body: AsyncIterable<Uint8Array>,
  timers: Timers,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of body)
    for (let at = 0; at < chunk.length; at += pieceBytes) {
      yield chunk.subarray(at, at + pieceBytes);
      await timers.turn();
    }
}

/** A record, and the number of empty lines before it. */
type Parsed = {
  readonly record: readonly string[];
  readonly info: { readonly empty_lines: number };
};

async function* partsOf(body: AsyncIterable<Uint8Array>, metered: Transform): AsyncGenerator<Part> {
  const { parse } = await reading();
  const parser = parse({
    bom: true,
    info: true,
    relax_column_count: true,
    skip_empty_lines: true, // each would be a record otherwise, and cost as much
    max_record_size: maxRecordSize,
  });
  const arriving = pipeline(Readable.from(body), metered, parser);
  arriving.catch(() => {}); // the parser throws the same
  let collected: ReturnType<typeof collector> | undefined;
  let [filled, next] = [0, 1];
  try {
    for await (const { record, info } of parser as AsyncIterable<Parsed>) {
      const line = filled + info.empty_lines + 1;
      filled += linesOf(record);
      next = filled + info.empty_lines + 1;
      if (!collected) {
        collected = collector(record.map((name) => name.trim().toLowerCase()));
        yield collected.take();
      } else if (collected.add(line, record)) yield collected.take();
    }
  } catch (error) {
    yield err(await invalidOf(error, next));
    return;
  }
  if (collected) yield collected.take();
}

/** A CSV file while it arrives (RFC 4180; the first row names the columns). */
export function uploadedCsv(
  body: AsyncIterable<Uint8Array>,
  timers: Timers,
  maxBytes = maxUploadBytes,
): Upload {
  const { stream, digest } = meter(maxBytes);
  return { parts: partsOf(inPieces(body, timers), stream), digest };
}

/** CSV text of an export, some rows at a time. */
export async function* csvOf({ columns, rows }: Export): AsyncGenerator<string> {
  const { stringify } = await writing();
  yield stringify([[...columns]]);
  for await (const batch of rows)
    yield stringify(
      batch.map((cells) => columns.map((column) => withApostrophe(cells[column] ?? ""))),
    );
}
