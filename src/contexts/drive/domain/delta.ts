import { err, ok, type Result } from "#kernel/result.ts";
import { chunkBytes } from "./chunking.ts";
import { maxFileBytes, type ChunkRef, type Manifest } from "./content.ts";

/** Bytes that another content has, from one place of it up to another one. */
export type Copied = { readonly from: number; readonly until: number };
/** A part of a content: a chunk, or bytes of the content that it is told by. */
export type Part = ChunkRef | Copied;

/** Chunks of one content that is told by its parts, at most. */
export const maxChunks = 262_144;

/** `part` counts from 0. */
export type PartsInvalid = {
  readonly type: "parts-invalid";
  readonly part: number;
  readonly reason:
    | "unreadable"
    | "no-chunk-border"
    | "chunk-size"
    | "too-many-chunks"
    | "too-large"
    | "other-size";
};

export const isCopied = (part: Part): part is Copied => "from" in part;

/** Chunks by the bytes that they begin with, and the end. */
function borders(manifest: Manifest): ReadonlyMap<number, number> {
  const found = new Map<number, number>();
  let at = 0;
  for (const [i, { size }] of manifest.entries()) {
    found.set(at, i);
    at += size;
  }
  return found.set(at, manifest.length);
}

/** Tells a content by another one: the bytes of chunks that both have are copied, and the other chunks are named. */
export function deltaOf(manifest: Manifest, base: Manifest): readonly Part[] {
  const indexes = borders(base);
  const places = new Map<string, number>();
  for (const [at, i] of indexes) {
    const chunk = base[i];
    if (chunk && !places.has(chunk.hash)) places.set(chunk.hash, at);
  }
  const parts: Part[] = [];
  let run: Copied | undefined;
  for (const chunk of manifest) {
    const next = run && base[indexes.get(run.until) ?? base.length];
    if (run && next?.hash === chunk.hash) {
      run = { from: run.from, until: run.until + chunk.size };
      parts[parts.length - 1] = run;
      continue;
    }
    const from = places.get(chunk.hash);
    run = from === undefined ? undefined : { from, until: from + chunk.size };
    parts.push(run ?? chunk);
  }
  return parts;
}

/** The chunks of a content that is told by another one. Whole chunks are copied; each but the last is as large as a chunk must be. */
export function manifestOf(parts: readonly Part[], base: Manifest): Result<Manifest, PartsInvalid> {
  const indexes = borders(base);
  const manifest: ChunkRef[] = [];
  let size = 0;
  for (const [part, told] of parts.entries()) {
    const invalid = (reason: PartsInvalid["reason"]) =>
      err<PartsInvalid>({ type: "parts-invalid", part, reason });
    const chunks = isCopied(told) ? copiedFrom(base, indexes, told) : [told];
    if (!chunks) return invalid("no-chunk-border");
    for (const chunk of chunks) {
      if (manifest.length === maxChunks) return invalid("too-many-chunks");
      manifest.push(chunk);
      size += chunk.size;
    }
    if (size > maxFileBytes) return invalid("too-large");
    const isEnd = part === parts.length - 1;
    if (!areWhole(isEnd ? chunks.slice(0, -1) : chunks) || !areWhole(chunks.slice(-1), 1))
      return invalid("chunk-size");
  }
  return ok(manifest);
}

function copiedFrom(
  base: Manifest,
  indexes: ReadonlyMap<number, number>,
  { from, until }: Copied,
): Manifest | undefined {
  const [first, last] = [indexes.get(from), indexes.get(until)];
  return first === undefined || last === undefined || first >= last
    ? undefined
    : base.slice(first, last);
}

const areWhole = (chunks: Manifest, least: number = chunkBytes.least): boolean =>
  chunks.every(({ size }) => size >= least && size <= chunkBytes.most);
