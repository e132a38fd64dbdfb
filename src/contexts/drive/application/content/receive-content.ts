import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { cutAfter } from "../../domain/chunking.ts";
import {
  maxFileBytes,
  type ByteCount,
  type ChunkRef,
  type Manifest,
  type Sha256,
} from "../../domain/content.ts";
import type { Told } from "../../domain/node.ts";
import type { ChunkStore, Digests, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

/** Half the memory of one upload at most, whose chunks are looked up and kept together; a small file takes less. */
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

/**
 * Cuts bytes into chunks while they arrive. Chunks lie in one of two windows by turns: they stay as they are until the
 * answer after the next one is asked for.
 */
async function* chunksOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  let [window, other] = [new Uint8Array(firstBytes), new Uint8Array(0)];
  let filled = 0;
  const cut = (isLast: boolean): readonly Uint8Array[] => {
    const chunks: Uint8Array[] = [];
    const full = window.subarray(0, filled);
    for (let at = 0; at < filled;) {
      const end = cutAfter(full, at, isLast);
      if (end === undefined) break;
      chunks.push(full.subarray(at, end));
      at = end;
    }
    return chunks;
  };
  const goOnBehind = (chunks: readonly Uint8Array[]) => {
    const end = chunks.reduce((sum, { length }) => sum + length, 0);
    const rest = window.subarray(end, filled);
    [window, other] = [other.length === 0 ? new Uint8Array(windowBytes) : other, window];
    window.set(rest);
    filled = rest.length;
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
        goOnBehind(chunks);
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

/** Keeps chunks one list after the other, without those that are known. */
function keeping({ read, store, digests }: ReceiveDeps, context: () => Context) {
  const manifest: ChunkRef[] = [];
  const fresh = new Map<Sha256, Location>();
  return {
    manifest,
    fresh,
    async keep(chunks: readonly Uint8Array[]): Promise<void> {
      const hashes = await Promise.all(chunks.map(digests.sha256));
      const unseen = new Map<Sha256, Uint8Array>();
      for (const [i, hash] of hashes.entries()) {
        const bytes = chunks[i] ?? new Uint8Array(0);
        manifest.push({ hash, size: bytes.length });
        if (!fresh.has(hash)) unseen.set(hash, bytes);
      }
      const known = await read(context(), (scope) => scope.chunks.located([...unseen.keys()]));
      const unknown = [...unseen].filter(([hash]) => !known.has(hash));
      const locations = await store.put(unknown.map(([, bytes]) => bytes));
      for (const [i, [hash]] of unknown.entries()) {
        const location = locations[i];
        if (!location) throw new Error(`${hash} was kept nowhere`);
        fresh.set(hash, location);
      }
    },
  };
}

/**
 * Keeps the chunks of a file as it arrives, and returns once they outlive a crash. While some are kept, the next ones arrive. Nothing refers to them yet: an upload that breaks
 * off leaves chunks that belong to nobody.
 */
export async function receiveContent(
  deps: ReceiveDeps,
  bytes: AsyncIterable<Uint8Array>,
  context: () => Context,
): Promise<Result<Received, FileTooLarge>> {
  const digest = deps.digests.running();
  const { passing, seen } = measured(bytes, digest);
  const { manifest, fresh, keep } = keeping(deps, context);
  let underWay = Promise.resolve();
  for await (const chunks of chunksOf(passing)) {
    await underWay;
    underWay = keep(chunks);
    underWay.catch(() => {}); // told by whoever waits for it, unless the upload has broken off
  }
  await underWay;
  if (seen.size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
  if (fresh.size > 0) await deps.store.flush(fresh.values());
  return ok({ manifest, fresh, size: seen.size as ByteCount, hash: digest.end() });
}
