import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { cutAfter } from "../../domain/chunking.ts";
import {
  maxFileBytes,
  type ByteCount,
  type ChunkRef,
  type Manifest,
  type Sha256,
} from "../../domain/content.ts";
import type { Told } from "../../domain/node.ts";
import type { ChunkStore, Digests, Kept, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";
import { proven, unlessDamaged } from "./proven.ts";

/** Half the memory of one upload at most, whose chunks are looked up and kept together; a small file takes less. */
const windowBytes = 2 ** 20;
const [firstBytes, growth] = [16_384, 4];
/** A chunk that was used within this time need not be said to be used again. */
const freshMs = 3_600_000;
/** Chunks that are added to the index together. */
const indexedChunks = 1_024;

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

export type ReceiveDeps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly clock: Clock;
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

/** Keeps chunks one list after the other, without those that are known and whole. */
function keeping(deps: ReceiveDeps, context: () => Context) {
  const { read, unitOfWork, store, digests, clock } = deps;
  const manifest: ChunkRef[] = [];
  let fresh = new Map<Sha256, Location>();
  let indexing = Promise.resolve();

  /** Chunks that are known, and stay: those that were not used for long might be collected before the upload ends. */
  async function relied(hashes: readonly Sha256[]): Promise<ReadonlyMap<Sha256, Kept>> {
    const look = (some: readonly Sha256[]) => read(context(), ({ chunks }) => chunks.located(some));
    const known = await look(hashes);
    const since = Instant.plus(clock.now(), -freshMs);
    const old = [...known].flatMap(([hash, { usedAt }]) => (usedAt < since ? [hash] : []));
    if (old.length === 0) return known;
    expect(await unitOfWork(context(), async ({ chunks }) => ok(chunks.use(old, clock.now()))));
    const still = await look(old);
    return new Map([...known].filter(([hash]) => !old.includes(hash) || still.has(hash)));
  }

  /** Chunks whose place is not known, or whose bytes are not whole there. */
  async function missing(unseen: ReadonlyMap<Sha256, Uint8Array>) {
    const known = await relied([...unseen.keys()]);
    const all = [...unseen].map(async ([hash, bytes]) => {
      const location = known.get(hash);
      const isThere =
        location?.isDoubted === false &&
        (await proven(deps, { hash, location }, context()).catch(unlessDamaged)) !== undefined;
      return isThere ? [] : [[hash, bytes] as const];
    });
    return (await Promise.all(all)).flat();
  }

  /** Chunks of a large file are known before its end, so that one that breaks off need not be sent whole again. */
  async function index(): Promise<void> {
    const some = fresh;
    fresh = new Map();
    await store.flush(some.values());
    expect(await unitOfWork(context(), async ({ chunks }) => ok(chunks.add(some, clock.now()))));
  }

  return {
    manifest,
    async keep(chunks: readonly Uint8Array[]): Promise<void> {
      const unseen = new Map<Sha256, Uint8Array>();
      for (const bytes of chunks) {
        const hash = digests.sha256(bytes);
        manifest.push({ hash, size: bytes.length });
        if (!fresh.has(hash)) unseen.set(hash, bytes);
      }
      const unknown = await missing(unseen);
      const locations = await store.put(unknown.map(([, bytes]) => bytes));
      for (const [i, [hash]] of unknown.entries()) {
        const location = locations[i];
        if (!location) throw new Error(`${hash} was kept nowhere`);
        fresh.set(hash, location);
      }
      if (fresh.size < indexedChunks) return;
      await indexing;
      indexing = index();
      indexing.catch(() => {}); // told by whoever waits for it, unless the upload has broken off
    },
    /** The chunks that are not in the index yet, once all others are. */
    async rest(): Promise<ReadonlyMap<Sha256, Location>> {
      await indexing;
      await store.flush(fresh.values());
      return fresh;
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
  const { manifest, keep, rest } = keeping(deps, context);
  let underWay = Promise.resolve();
  for await (const chunks of chunksOf(passing)) {
    await underWay;
    underWay = keep(chunks);
    underWay.catch(() => {}); // told by whoever waits for it, unless the upload has broken off
  }
  await underWay;
  if (seen.size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
  const fresh = await rest();
  return ok({ manifest, fresh, size: seen.size as ByteCount, hash: digest.end() });
}
