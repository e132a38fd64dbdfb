import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { cutAfter } from "../../domain/chunking.ts";
import { maxFileBytes, type ByteCount, type Manifest, type Sha256 } from "../../domain/content.ts";
import type { Told } from "../../domain/node.ts";
import type { ChunkStore, Digests, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

/** Memory of one upload at most, whose chunks are looked up and kept together; a small file takes less. */
const windowBytes = 2 ** 20;
const [firstBytes, growth] = [16_384, 4];

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

/**
 * Cuts bytes into chunks while they arrive. The chunks of one answer share memory with those of the next: they are kept before the next
 * answer is asked for.
 */
async function* chunksOf(
  bytes: AsyncIterable<Uint8Array>,
  sha256: Digests["sha256"],
): AsyncGenerator<readonly Chunk[]> {
  let window = new Uint8Array(firstBytes);
  let filled = 0;
  const cut = (isLast: boolean): readonly Chunk[] => {
    const chunks: Chunk[] = [];
    let at = 0;
    for (;;) {
      const end = at < filled ? cutAfter(window.subarray(0, filled), at, isLast) : undefined;
      if (end === undefined) break;
      const piece = window.subarray(at, end);
      chunks.push({ hash: sha256(piece), bytes: piece });
      at = end;
    }
    return chunks;
  };
  const keepRest = (chunks: readonly Chunk[]) => {
    const end = chunks.reduce((sum, chunk) => sum + chunk.bytes.length, 0);
    window.copyWithin(0, end, filled);
    filled -= end;
  };
  for await (const piece of bytes)
    for (let taken = 0; taken < piece.length;) {
      const some = piece.subarray(taken, taken + window.length - filled);
      window.set(some, filled);
      filled += some.length;
      taken += some.length;
      if (filled < window.length) continue;
      if (window.length < windowBytes) window = grown(window);
      else {
        const chunks = cut(false);
        yield chunks;
        keepRest(chunks);
      }
    }
  if (filled > 0) yield cut(true);
}

function grown(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const larger = new Uint8Array(Math.min(bytes.length * growth, windowBytes));
  larger.set(bytes);
  return larger;
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
