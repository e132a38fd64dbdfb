import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Marks } from "../../domain/marks.ts";
import type { Sha256 } from "../../domain/content.ts";
import type { UploadId } from "../../domain/ids.ts";
import { proven, unlessDamaged } from "../content/proven.ts";
import type { ChunkStore, Digests, KeptChunk, Segment } from "../ports/chunks.ts";
import type { PagePlace } from "../ports/revisions.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { PiecePlace } from "../ports/stagings.ts";

/** Nothing that was used, or put, within this time is collected: no upload takes longer. */
export const graceMs = 24 * 3_600_000;
/** A segment with a smaller part of it in use is given up, and its chunks are put elsewhere. */
const leastUsed = 0.5;
const [pageChunks, pageManifests] = [1_000, 50];
/** What is put elsewhere together: chunks, and their bytes in memory. */
const [movedChunks, movedBytes] = [1_000, 8 * 2 ** 20];
/** Segments that are emptied together. */
const emptiedSegments = 100;
/** One step of the work has so much time, as a request has. */
const stepMs = 10_000;

export type Collected = {
  readonly chunks: number;
  readonly segments: number;
  /** Chunks that were put elsewhere, so that their segment can be removed by the next collection. */
  readonly moved: number;
};

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly clock: Clock;
  /** Whoever removes a segment holds this lock, which a backup shares. */
  readonly removalLock: string;
};
/** `stopping`: the process is about to stop. */

/** Marks every chunk that a revision has, or an upload that goes on. */
async function marked({ read }: Deps, context: () => Context): Promise<Marks> {
  const marks = new Marks(await read(context(), ({ chunks }) => chunks.count()));
  // Uploads and stagings come first: one that is committed meanwhile has its chunks in a revision.
  for (let id: UploadId | undefined; ;) {
    const upload = await read(context(), ({ uploads }) => uploads.next(id));
    if (!upload) break;
    for (const hash of upload.hashes) marks.add(hash);
    id = upload.id;
  }
  for (let piece: PiecePlace | undefined; ;) {
    const pieces = await read(context(), ({ stagings }) => stagings.next(piece, pageManifests));
    for (const { hashes } of pieces) for (const hash of hashes) marks.add(hash);
    piece = pieces.at(-1);
    if (!piece) break;
  }
  let after: PagePlace | undefined;
  for (;;) {
    const pages = await read(context(), ({ revisions }) => revisions.pages(after, pageManifests));
    for (const { hashes } of pages) for (const hash of hashes) marks.add(hash);
    const last = pages.at(-1);
    if (!last) return marks;
    after = last;
  }
}

/** Forgets chunks that are not marked, and that no upload relies on. */
async function swept(
  { read, unitOfWork }: Deps,
  { marks, cutoff }: { readonly marks: Marks; readonly cutoff: Instant },
  context: () => Context,
): Promise<number> {
  let [forgotten, after]: [number, Sha256 | undefined] = [0, undefined];
  for (;;) {
    const page = await read(context(), ({ chunks }) => chunks.page(after, pageChunks));
    const garbage = page
      .filter(({ hash, usedAt }) => usedAt < cutoff && !marks.mayHave(hash))
      .map(({ hash }) => hash);
    if (garbage.length > 0)
      expect(await unitOfWork(context(), async ({ chunks }) => ok(chunks.forget(garbage, cutoff))));
    forgotten += garbage.length;
    const last = page.at(-1);
    if (!last) return forgotten;
    after = last.hash;
  }
}

/** Puts chunks elsewhere, besides those that are damaged, which are in doubt from then on. */
async function moveChunks(deps: Deps, chunks: readonly KeptChunk[], context: () => Context) {
  const { unitOfWork, store } = deps;
  const whole: { readonly chunk: KeptChunk; readonly bytes: Uint8Array }[] = [];
  for (const chunk of chunks) {
    const place = { hash: chunk.hash, location: chunk };
    const bytes = await proven(deps, place, context()).catch(unlessDamaged);
    if (bytes) whole.push({ chunk, bytes });
  }
  const places = await store.put(whole.map(({ bytes }) => bytes));
  await store.flush(places);
  const move = async (scope: DriveScope) => {
    for (const [i, { chunk }] of whole.entries()) {
      const to = places[i];
      if (!to) throw new Error(`${chunk.hash} was kept nowhere`);
      scope.chunks.move(chunk.hash, chunk, to);
    }
    return ok(whole.length);
  };
  return expect(await unitOfWork(context(), move));
}

/** The first of some chunks, as many as go into memory. */
function some(chunks: readonly KeptChunk[]): readonly KeptChunk[] {
  let bytes = 0;
  const over = chunks.findIndex(({ size }) => (bytes += size) > movedBytes);
  return over < 1 ? chunks : chunks.slice(0, over);
}

/** Puts the chunks of segments elsewhere, together. Their bytes stay for those who read them now. */
async function emptied(
  deps: Deps,
  names: readonly string[],
  { context, stopping }: Slice & { readonly context: () => Context },
): Promise<number> {
  let moved = 0;
  for (let first = 0; first < names.length; first += emptiedSegments) {
    if (stopping?.aborted === true) break;
    const batch = names.slice(first, first + emptiedSegments);
    const left = () => deps.read(context(), (scope) => scope.chunks.inSegments(batch, movedChunks));
    for (let chunks = await left(); chunks.length > 0; chunks = await left())
      moved += await moveChunks(deps, some(chunks), context);
  }
  return moved;
}

/** Removes a segment; unavailable while a backup is made. */
async function removed({ unitOfWork, store, removalLock }: Deps, name: string, context: Context) {
  const remove = async () => ok(await store.remove(name));
  expect(await unitOfWork(context, remove, { lock: [removalLock] }));
}

/**
 * Collects chunks that no revision has and no upload relies on. Segments without chunks are removed; those with few, and those that are small, are emptied and
 * removed by the next collection. Chunks are marked in a filter, which takes some for marked that are not: they stay until another one.
 */
export function collectChunks(deps: Deps) {
  const { read, store, clock } = deps;
  return async ({ stopping }: Slice, asked: Context): Promise<Result<Collected, never>> => {
    const context = () => ({ ...asked, deadlineMs: clock.unixMs() + stepMs });
    const cutoff = Instant.plus(clock.now(), -graceMs);
    const expire = async ({ uploads, stagings }: DriveScope) => {
      uploads.expire(clock.now());
      // A request that began before the end of a staging may still make a file of it.
      stagings.expire(cutoff);
      return ok(undefined);
    };
    expect(await deps.unitOfWork(context(), expire));
    const isQuiet = ({ changedAt }: Segment) => changedAt < cutoff;
    const chunks = await swept(deps, { marks: await marked(deps, context), cutoff }, context);
    const quiet = (await store.segments()).filter(isQuiet);
    const [wasteful, small]: [string[], string[]] = [[], []];
    let segments = 0;
    for (const { name, bytes } of quiet) {
      if (stopping?.aborted === true) break;
      const inUse = await read(context(), (scope) => scope.chunks.bytesIn(name));
      if (inUse === 0) {
        await removed(deps, name, context());
        segments += 1;
      } else if (inUse < bytes * leastUsed) wasteful.push(name);
      else if (bytes < store.smallBytes) small.push(name);
    }
    // A single one would be put into another one of its size.
    const given = small.length > 1 ? [...wasteful, ...small] : wasteful;
    const moved = await emptied(deps, given, { context, stopping });
    return ok({ chunks, segments, moved });
  };
}
