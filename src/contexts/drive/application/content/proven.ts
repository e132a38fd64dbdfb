import type { Context } from "#kernel/context.ts";
import { ok } from "#kernel/result.ts";
import type { UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Sha256 } from "../../domain/content.ts";
import type { ChunkStore, Digests, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

type Deps = {
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

/** The bytes of a chunk, once they have proved to be its own. A chunk that is damaged is in doubt from then on. */
export async function proven(
  { unitOfWork, store, digests }: Deps,
  { hash, location }: { readonly hash: Sha256; readonly location: Location },
  context: Context,
): Promise<Uint8Array> {
  try {
    const bytes = await store.read(location);
    if (digests.sha256(bytes) === hash) return bytes;
    throw new ChunkDamaged(hash, location);
  } catch (error) {
    await unitOfWork(context, async ({ chunks }) => ok(chunks.doubt(hash, location)));
    throw error instanceof ChunkDamaged ? error : new ChunkDamaged(hash, location, error);
  }
}
