import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { cutAfter } from "../../domain/chunking.ts";
import {
  maxFileBytes,
  type ByteCount,
  type ChunkRef,
  type Manifest,
  type Sha256,
} from "../../domain/content.ts";
import type { Told } from "../../domain/node.ts";
import type { Digests, Location } from "../ports/chunks.ts";
import { keeping, type KeepingDeps } from "./keep-chunks.ts";

/** Half the memory of one upload at most, whose chunks are looked up and kept together; a small file takes less. */
const windowBytes = 2 ** 20;
const [firstBytes, growth] = [16_384, 4];

export type FileTooLarge = { readonly type: "file-too-large"; readonly maxFileBytes: number };

/** The content of a file that has arrived. `fresh`: chunks that are not in the index yet, and where they are. */
export type Received = Told & {
  readonly manifest: Manifest;
  readonly fresh: ReadonlyMap<Sha256, Location>;
};

/** A body that arrives once. Whoever asks again, after a lost race, is given what the first one has received. */
export type UploadedFile = {
  readonly receive: <T>(work: (bytes: AsyncIterable<Uint8Array>) => Promise<T>) => Promise<T>;
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

/**
 * Keeps the chunks of a file as it arrives, and returns once they outlive a crash. While some are kept, the next ones arrive. Nothing refers to them yet: an upload that breaks
 * off leaves chunks that belong to nobody.
 */
export async function receiveContent(
  deps: KeepingDeps,
  bytes: AsyncIterable<Uint8Array>,
  context: () => Context,
): Promise<Result<Received, FileTooLarge>> {
  const digest = deps.digests.running();
  const { passing, seen } = measured(bytes, digest);
  const { keep, rest } = keeping(deps, context);
  const manifest: ChunkRef[] = [];
  let underWay = Promise.resolve();
  for await (const chunks of chunksOf(passing)) {
    await underWay;
    const named = chunks.map((one) => ({ hash: deps.digests.sha256(one), bytes: one }));
    for (const {
      hash,
      bytes: { length: size },
    } of named)
      manifest.push({ hash, size });
    underWay = keep(named);
    underWay.catch(() => {}); // told by whoever waits for it, unless the upload has broken off
  }
  await underWay;
  if (seen.size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
  const fresh = await rest();
  return ok({ manifest, fresh, size: seen.size as ByteCount, hash: digest.end() });
}
