import { err, type Result } from "#kernel/result.ts";
import { uploadedText, UploadUnreadable } from "#platform/http/uploaded-text.ts";
import { FormInvalid } from "#platform/http/uploads.ts";
import type { Timers } from "#platform/runtime.ts";
import type { FilePart, StatementFile, UploadInvalid } from "../../application/ports/providers.ts";
import { ofxParts } from "./ofx.ts";
import { ColumnsUnknown, csvParts } from "./statement-csv.ts";

/** What is wrong with the file. A form that is wrong is not the file's fault. */
function invalidOf(error: unknown): UploadInvalid {
  if (error instanceof FormInvalid) throw error;
  if (error instanceof ColumnsUnknown)
    return { type: "upload-invalid", reason: "columns-unknown", columns: error.columns };
  if (!(error instanceof UploadUnreadable)) return { type: "upload-invalid", reason: "broken-off" };
  const { reason, line } = error;
  return { type: "upload-invalid", reason, ...(line === undefined ? {} : { line }) };
}

const ofxMark = "OFXHEADER";
/** Bytes of blanks before the first letter, at most: a file with more is taken for CSV, whose empty lines are not kept. */
const mostBlanks = 4_096;

/** The text with its first letters that are not blank, which say what kind of file it is. */
async function begun(text: AsyncIterable<Buffer>) {
  const rest = text[Symbol.asyncIterator]();
  const blanks: Buffer[] = [];
  let [start, bytes] = ["", 0];
  for (;;) {
    const { value, done } = await rest.next();
    if (done) break;
    blanks.push(value);
    bytes += value.length;
    start = (start + String(value)).trimStart();
    if (start.length >= ofxMark.length || bytes > mostBlanks) break;
  }
  async function* all(): AsyncGenerator<Buffer> {
    yield* blanks;
    yield* { [Symbol.asyncIterator]: () => rest };
  }
  return { start, text: all() };
}

async function* partsOf(
  arriving: AsyncIterable<Buffer>,
): AsyncGenerator<Result<FilePart, UploadInvalid>> {
  try {
    const { start, text } = await begun(arriving);
    const isOfx = start.startsWith(ofxMark) || start.startsWith("<");
    yield* isOfx ? ofxParts(text) : csvParts(text);
  } catch (error) {
    yield err(invalidOf(error));
  }
}

/** A file of statements while it arrives: OFX 1 and 2 (QFX and QBO are such files), or CSV. */
export function statementFile(
  body: AsyncIterable<Uint8Array>,
  timers: Timers,
  maxBytes?: number,
): StatementFile {
  const { text, digest } = uploadedText(body, timers, maxBytes);
  return { parts: partsOf(text), digest };
}
