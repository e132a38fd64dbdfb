import type { Context } from "#kernel/context.ts";
import type { Manifest, MediaType, Sha256 } from "../../domain/content.ts";
import type { WantedChunk } from "../../domain/upload.ts";
import { places } from "../places.ts";
import { relied, type KeepingDeps } from "./keep-chunks.ts";
import { proven, unlessDamaged } from "./proven.ts";

/** Chunks whose places are asked for together. */
const batchChunks = 64;

/** `lost`: chunks that are not there, or not whole. `hash` and `mediaType` are those of the content only where none is. */
type Examined = {
  readonly lost: readonly WantedChunk[];
  readonly hash: Sha256;
  readonly mediaType: MediaType | undefined;
};

/** Reads a content whose chunks should all be there. */
export async function examined(
  deps: KeepingDeps,
  manifest: Manifest,
  step: () => Context,
): Promise<Examined> {
  let mediaType: MediaType | undefined;
  const lost: WantedChunk[] = [];
  const digest = deps.digests.running();
  for (let first = 0; first < manifest.length; first += batchChunks) {
    const batch = manifest.slice(first, first + batchChunks);
    const names = batch.map((chunk) => chunk.hash);
    const there = await relied(deps, [...new Set(names)], step());
    for (const [i, chunk] of batch.entries()) {
      const location = there.get(chunk.hash);
      const isThere = location?.isDoubted === false && location.size === chunk.size;
      const place = isThere ? { hash: chunk.hash, location } : undefined;
      const bytes = place && (await proven(deps, place, step()).catch(unlessDamaged));
      if (bytes && first + i === 0) mediaType = await deps.sniff(bytes);
      if (bytes) digest.update(bytes);
      else lost.push({ ...chunk, position: first + i, hasCome: false });
    }
  }
  return { lost, hash: digest.soFar(), mediaType };
}

/** Contents that are examined at once, in all and for one owner: each is read and hashed as a whole. */
const [maxExamined, maxExaminedOfOne] = [8, 4];
export const examiningPlaces = () => places(maxExamined, maxExaminedOfOne);
export const retryAfterS = 2;
