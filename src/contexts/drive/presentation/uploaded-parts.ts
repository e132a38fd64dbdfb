import { createHash, type Hash } from "node:crypto";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, shape } from "#kernel/shape.ts";
import type { DigestedParts, ToldParts } from "../application/uploads/begin-upload.ts";
import { chunkBytes } from "../domain/chunking.ts";
import { maxFileBytes, Sha256 } from "../domain/content.ts";
import { maxChunks, type Part, type PartsInvalid } from "../domain/delta.ts";

const place = branded<number>("place in a file", {
  schema: { type: "integer", minimum: 0, maximum: maxFileBytes },
});
const chunkSize = branded<number>("size of a chunk", {
  schema: { type: "integer", minimum: 1, maximum: chunkBytes.most },
});
const NamedChunk = shape({ hash: Sha256, size: chunkSize });
const CopiedBytes = shape({ from: place, until: place });

/** A line has no more bytes. */
const maxLineBytes = 256;
const newline = 0x0a;

/** The lines of a text that arrives; undefined for one that is too long. Empty lines are left out. */
async function* linesOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<string | undefined> {
  let rest = Buffer.alloc(0);
  for await (const piece of bytes) {
    const all = Buffer.concat([rest, piece]);
    let at = 0;
    for (let end = all.indexOf(newline); end >= 0; end = all.indexOf(newline, at)) {
      if (end > at) yield all.toString("utf8", at, end);
      at = end + 1;
    }
    rest = all.subarray(at);
    if (rest.length > maxLineBytes) yield undefined;
  }
  if (rest.length > 0) yield rest.toString("utf8");
}

function jsonOf(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function partOf(line: string | undefined): Part | undefined {
  const told = line === undefined ? undefined : jsonOf(line);
  const chunk = NamedChunk.parse(told);
  if (chunk.ok) return chunk.value;
  const copied = CopiedBytes.parse(told);
  return copied.ok ? copied.value : undefined;
}

async function* digesting(
  bytes: AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    hash.update(piece);
    yield piece;
  }
}

async function partsIn(
  bytes: AsyncIterable<Uint8Array>,
): Promise<Result<DigestedParts, PartsInvalid>> {
  const parts: Part[] = [];
  const hash = createHash("sha256");
  const invalid = (reason: PartsInvalid["reason"]) =>
    err<PartsInvalid>({ type: "parts-invalid", part: parts.length, reason });
  for await (const line of linesOf(digesting(bytes, hash))) {
    const part = partOf(line);
    if (!part) return invalid("unreadable");
    if (parts.length === maxChunks) return invalid("too-many-chunks");
    parts.push(part);
  }
  return ok({ parts, digest: hash.digest("base64url") });
}

/** The parts of a content. Each line of the body is a JSON object; the body is read once. */
export function uploadedParts(body: AsyncIterable<Uint8Array>): ToldParts {
  let parts: ReturnType<typeof partsIn> | undefined;
  return { read: () => (parts ??= partsIn(body)) };
}

/** Parts as they are told, some lines at a time. */
export async function* partLines(parts: readonly Part[]): AsyncGenerator<string> {
  const together = 1_024;
  for (let first = 0; first < parts.length; first += together)
    yield parts
      .slice(first, first + together)
      .map((part) => `${JSON.stringify(part)}\n`)
      .join("");
}
