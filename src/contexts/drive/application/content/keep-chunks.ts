import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Sha256 } from "../../domain/content.ts";
import type { ChunkStore, Digests, Kept, Location, Sniff } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";
import { proven, unlessDamaged } from "./proven.ts";

/** A chunk that was used within this time need not be said to be used again. */
const freshMs = 3_600_000;
/** Chunks that are added to the index together. */
const indexedChunks = 1_024;

export type KeepingDeps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly sniff: Sniff;
  readonly clock: Clock;
};
type RelyingDeps = Pick<KeepingDeps, "unitOfWork" | "read" | "clock">;

/** Those of some chunks that are known, and stay: those that were not used for long might be collected before an upload ends. */
export async function relied(
  { read, unitOfWork, clock }: RelyingDeps,
  hashes: readonly Sha256[],
  context: Context,
): Promise<ReadonlyMap<Sha256, Kept>> {
  const look = (some: readonly Sha256[]) => read(context, ({ chunks }) => chunks.located(some));
  const known = await look(hashes);
  const since = Instant.plus(clock.now(), -freshMs);
  const old = [...known].flatMap(([hash, { usedAt }]) => (usedAt < since ? [hash] : []));
  if (old.length === 0) return known;
  expect(await unitOfWork(context, async ({ chunks }) => ok(chunks.use(old, clock.now()))));
  const still = await look(old);
  return new Map([...known].filter(([hash]) => !old.includes(hash) || still.has(hash)));
}

export type NamedBytes = { readonly hash: Sha256; readonly bytes: Uint8Array };

/** Keeps chunks one list after the other, without those that are known and whole. */
export function keeping(deps: KeepingDeps, context: () => Context) {
  const { unitOfWork, store, clock } = deps;
  let fresh = new Map<Sha256, Location>();
  let indexing = Promise.resolve();

  /** Chunks whose place is not known, or whose bytes are not whole there. */
  async function missing(unseen: ReadonlyMap<Sha256, Uint8Array>) {
    const known = await relied(deps, [...unseen.keys()], context());
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
    async keep(chunks: readonly NamedBytes[]): Promise<void> {
      const unseen = new Map<Sha256, Uint8Array>();
      for (const { hash, bytes } of chunks) if (!fresh.has(hash)) unseen.set(hash, bytes);
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
