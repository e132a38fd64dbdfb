import { createHash } from "node:crypto";
import type { Timers } from "../runtime.ts";
import { TextReader, type Encoding } from "../text-reader.ts";

/** Bytes of a file at most. */
export const maxUploadBytes = 256 * 2 ** 20;

/** The reason why a file is not read as text. */
export type Unreadable =
  | "workbook"
  | "not-utf-8"
  | "too-many-bytes"
  | "record-too-long"
  | "malformed";

/** Thrown to whoever reads the text. */
export class UploadUnreadable extends Error {
  readonly reason: Unreadable;
  /** From 1, where it is known. */
  readonly line: number | undefined;

  constructor(reason: Unreadable, line?: number) {
    super(reason);
    this.reason = reason;
    this.line = line;
  }
}

/** A file while it arrives, as text. */
export type UploadedText = {
  readonly text: AsyncIterable<Buffer>;
  /** The digest of all that has arrived, which is the same for the same file. */
  readonly digest: () => string;
  readonly encoding: () => Encoding;
};

/** A workbook of a spreadsheet program begins as a zip archive does. */
const isArchive = (chunk: Uint8Array): boolean => chunk[0] === 0x50 && chunk[1] === 0x4b;

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

/** Reads the text of the bytes that pass; counts and digests them. Refuses what is no text. */
export function uploadedText(
  body: AsyncIterable<Uint8Array>,
  timers: Timers,
  maxBytes = maxUploadBytes,
): UploadedText {
  const hash = createHash("sha256");
  const reader = new TextReader();
  let bytes = 0;
  const read = (chunk?: Uint8Array): Buffer => {
    try {
      const text = reader.read(chunk);
      if (!text.includes("\0")) return Buffer.from(text);
    } catch {
      // Refused below.
    }
    throw new UploadUnreadable("not-utf-8");
  };
  async function* textOf(): AsyncGenerator<Buffer> {
    for await (const chunk of inPieces(body, timers)) {
      if (bytes === 0 && isArchive(chunk)) throw new UploadUnreadable("workbook");
      bytes += chunk.length;
      if (bytes > maxBytes) throw new UploadUnreadable("too-many-bytes");
      hash.update(chunk);
      yield read(chunk);
    }
    yield read();
  }
  return {
    text: textOf(),
    digest: () => hash.copy().digest("base64url"),
    encoding: () => reader.encoding ?? "utf-8",
  };
}
