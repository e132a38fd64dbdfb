import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { cutAfter } from "../../domain/chunking.ts";
import { maxFileBytes, type ByteCount, type Manifest, type Sha256 } from "../../domain/content.ts";
import type { Told } from "../../domain/node.ts";
import type { ChunkStore, Digests, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

/** Bytes that are looked up and kept together. */
const batchBytes = 4 * 2 ** 20;

export type FileTooLarge = { readonly type: "file-too-large"; readonly maxFileBytes: number };

/** The content of a file that has arrived. `fresh`: chunks that were not known before, and where they are now. */
export type Received = Told & {
  readonly manifest: Manifest;
  readonly fresh: ReadonlyMap<Sha256, Location>;
};

/** A body that arrives once. Whoever asks again, after a lost race, is given what the first one has received. */
export type UploadedFile = {
  readonly receive: <T>(work: (bytes: AsyncIterable<Uint8Array>) => Promise<T>) => Promise<T>;
};

export type ReceiveDeps = {
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
};

type Chunk = { readonly hash: Sha256; readonly bytes: Uint8Array };

/** Cuts bytes into chunks while they arrive. Answers lists of chunks, each of some MiB. */
async function* chunksOf(
  bytes: AsyncIterable<Uint8Array>,
  sha256: Digests["sha256"],
): AsyncGenerator<readonly Chunk[]> {
  let rest = new Uint8Array(0);
  const cut = (isLast: boolean): readonly Chunk[] => {
    const chunks: Chunk[] = [];
    let at = 0;
    while (at < rest.length) {
      const end = cutAfter(rest, at, isLast);
      if (end === undefined) break;
      const piece = rest.subarray(at, end);
      chunks.push({ hash: sha256(piece), bytes: piece });
      at = end;
    }
    rest = rest.subarray(at);
    return chunks;
  };
  for await (const batch of inBatches(bytes)) {
    rest = joined([rest, ...batch]);
    yield cut(false);
  }
  if (rest.length > 0) yield cut(true);
}

/** Pieces of a body that have come by the time that they make a batch. */
async function* inBatches(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  let batch: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    batch.push(piece);
    size += piece.length;
    if (size < batchBytes) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (size > 0) yield batch;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Counts and digests bytes that pass. */
function measured(bytes: AsyncIterable<Uint8Array>, digest: ReturnType<Digests["running"]>) {
  const seen = { size: 0 };
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      seen.size += piece.length;
      if (seen.size > maxFileBytes) return;
      digest.update(piece);
      yield piece;
    }
  }
  return { passing: passing(), seen };
}

/**
 * Keeps the chunks of a file as it arrives, without those that are known, and returns once they outlive a crash. Nothing refers to them yet: what breaks off leaves chunks
 * that belong to nobody.
 */
export async function receiveContent(
  { read, store, digests }: ReceiveDeps,
  bytes: AsyncIterable<Uint8Array>,
  context: () => Context,
): Promise<Result<Received, FileTooLarge>> {
  const digest = digests.running();
  const { passing, seen } = measured(bytes, digest);
  const manifest: { readonly hash: Sha256; readonly size: number }[] = [];
  const fresh = new Map<Sha256, Location>();
  for await (const chunks of chunksOf(passing, digests.sha256)) {
    for (const { hash, bytes: piece } of chunks) manifest.push({ hash, size: piece.length });
    const unseen = new Map(
      chunks.flatMap(({ hash, bytes: piece }) => (fresh.has(hash) ? [] : [[hash, piece] as const])),
    );
    const known = await read(context(), (scope) => scope.chunks.located([...unseen.keys()]));
    const unknown = [...unseen].filter(([hash]) => !known.has(hash));
    const locations = await store.put(unknown.map(([, piece]) => piece));
    for (const [i, [hash]] of unknown.entries()) {
      const location = locations[i];
      if (!location) throw new Error(`${hash} was kept nowhere`);
      fresh.set(hash, location);
    }
  }
  if (seen.size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
  if (fresh.size > 0) await store.flush(fresh.values());
  return ok({ manifest, fresh, size: seen.size as ByteCount, hash: digest.end() });
}
