import type { Context } from "#kernel/context.ts";
import { expect, ok } from "#kernel/result.ts";
import type { UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Sha256 } from "../../domain/content.ts";
import { ChunkLost, type ChunkStore, type Digests, type Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

export type ProvingDeps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
};

/** Thrown where kept bytes are not those that were given: they are never served. */
export class ChunkDamaged extends Error {
  constructor(hash: Sha256, { segment, offset }: Location, cause?: unknown) {
    super(`the chunk ${hash} is damaged: segment ${segment}, offset ${offset}`, { cause });
  }
}

/** For a rejection: undefined where a chunk is damaged. Any other error is thrown, and says nothing about the chunk. */
export function unlessDamaged(error: unknown): undefined {
  if (!(error instanceof ChunkDamaged)) throw error;
}

/** For a rejection: the error, where bytes are not there. Any other one is thrown, and says nothing about a chunk. */
export function lost(error: unknown): ChunkLost {
  if (error instanceof ChunkLost) return error;
  throw error;
}

/** The bytes of a chunk, once they have proved to be its own. A chunk that is damaged is in doubt from then on. */
export async function proven(
  { unitOfWork, store, digests }: ProvingDeps,
  { hash, location }: { readonly hash: Sha256; readonly location: Location },
  context: Context,
): Promise<Uint8Array> {
  const bytes = await store.read(location).catch(lost);
  if (!(bytes instanceof ChunkLost) && digests.sha256(bytes) === hash) return bytes;
  expect(await unitOfWork(context, async ({ chunks }) => ok(chunks.doubt(hash, location))));
  throw new ChunkDamaged(hash, location, bytes instanceof ChunkLost ? bytes : undefined);
}
