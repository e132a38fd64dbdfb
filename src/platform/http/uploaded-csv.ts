import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { UploadUnreadable } from "./uploaded-text.ts";

export const separators = [",", ";", "\t"] as const;
export type Separator = (typeof separators)[number];

/** Loaded for the first file: it takes some MiB. */
const reading = () => import("csv-parse");

/** The limit of a row in characters. A longer row is refused before its end arrives. */
const maxRecordSize = 2 ** 17;

/** A record that is not empty, with the line where it begins, from 1, and the line after its end. */
export type CsvRecord = {
  readonly line: number;
  readonly nextLine: number;
  readonly record: readonly string[];
};

/** The first line of a file that only says its separator, for Excel. */
const saysSeparator = /^sep=([,;\t])$/i;

/** The separator of a file with this first line, and whether the line is only there to say it. */
function separatorOf(line: string): {
  readonly separator: Separator;
  readonly isOnlySaid: boolean;
} {
  const said = saysSeparator.exec(line.trimEnd())?.[1] as Separator | undefined;
  if (said) return { separator: said, isOnlySaid: true };
  const counted = separators.map((separator) => [separator, line.split(separator).length] as const);
  const [separator] = counted.toSorted(([, a], [, b]) => b - a)[0] ?? [","];
  return { separator, isOnlySaid: false };
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

/** A parser that the text arrives in, and the lines that are not for it. */
async function parsing(text: AsyncIterable<Buffer>, recognised: (separator: Separator) => void) {
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

/** What is wrong with the text, in our words. */
async function unreadable(error: unknown, line: number): Promise<unknown> {
  const { CsvError } = await reading();
  if (error instanceof UploadUnreadable) return new UploadUnreadable(error.reason, line);
  if (!(error instanceof CsvError)) return error;
  const reason = error.code === "CSV_MAX_RECORD_SIZE" ? "record-too-long" : "malformed";
  const at: unknown = error["lines"];
  return new UploadUnreadable(reason, typeof at === "number" ? at : line);
}

async function* recordsOf(
  text: AsyncIterable<Buffer>,
  recognised: (separator: Separator) => void,
): AsyncGenerator<CsvRecord> {
  let [filled, next] = [0, 1];
  try {
    for await (const { record, info } of await parsing(text, recognised)) {
      const line = filled + info.empty_lines + 1;
      filled += linesOf(record);
      next = filled + info.empty_lines + 1;
      if (record.some((cell) => cell.trim() !== "")) yield { line, nextLine: next, record };
    }
  } catch (error) {
    throw await unreadable(error, next);
  }
}

/**
 * The records of a CSV text as it arrives (RFC 4180), as spreadsheets write it, too: with semicolons or tabs. Throws
 * `UploadUnreadable`.
 */
export function csvRecords(text: AsyncIterable<Buffer>): {
  readonly records: AsyncIterable<CsvRecord>;
  /** As far as it is recognised by now. */
  readonly separator: () => Separator;
} {
  let separator: Separator = ",";
  const recognised = (found: Separator) => void (separator = found);
  return { records: recordsOf(text, recognised), separator: () => separator };
}
