import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Thumbnail, ThumbnailKey, Thumbnails } from "../application/ports/thumbnails.ts";
import { contentsOf, type Tables } from "./memory-tables.ts";

/** Thumbnails in memory. */
export function thumbnailsIn(tables: Tables, { change }: MemoryTransaction): Thumbnails {
  const { thumbnails, spaces } = tables;
  const nameOf = ({ spaceId, hash, pixels }: ThumbnailKey) => `${spaceId} ${hash} ${pixels}`;
  const isHeld = ({ spaceId, hash }: ThumbnailKey) => {
    const space = spaces.rows.get(spaceId);
    return space !== undefined && contentsOf(tables, space.ownerId).has(`${spaceId} ${hash}`);
  };
  return {
    async find(key, now) {
      const found = isHeld(key) ? thumbnails.rows.get(nameOf(key)) : undefined;
      return found?.until === undefined || found.until > now ? found : undefined;
    },
    keep: (key, made) =>
      change<Thumbnail>(thumbnails, nameOf(key), (found) => (isHeld(key) ? made : found)),
  };
}
