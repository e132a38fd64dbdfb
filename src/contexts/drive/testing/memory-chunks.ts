import type { Clock, Instant } from "#kernel/instant.ts";
import { ChunkLost, type ChunkStore, type Location } from "../application/ports/chunks.ts";

/** Chunks in memory, each a segment of its own: the twin of segments. */
export function memoryChunks({ now }: Pick<Clock, "now">): ChunkStore {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly changedAt: Instant }>();
  let made = 0;
  return {
    smallBytes: 0,
    async put(chunks) {
      return chunks.map((bytes): Location => {
        made += 1;
        kept.set(`${made}`, { bytes: bytes.slice(), changedAt: now() });
        return { segment: `${made}`, offset: 0, size: bytes.length };
      });
    },
    async flush() {},
    async read({ segment, offset, size }) {
      const bytes = kept.get(segment)?.bytes.slice(offset, offset + size);
      if (bytes?.length !== size)
        throw new ChunkLost(`segment ${segment} ends before ${offset + size}`);
      return bytes;
    },
    segments: async () =>
      [...kept].map(([name, { bytes, changedAt }]) => ({ name, bytes: bytes.length, changedAt })),
    async remove(segment) {
      kept.delete(segment);
    },
  };
}
