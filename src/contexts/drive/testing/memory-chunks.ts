import type { Clock, Instant } from "#kernel/instant.ts";
import { ChunkLost, type ChunkStore, type Location } from "../application/ports/chunks.ts";

/** Chunks in memory, those that come together in one segment: the twin of segments. */
export function memoryChunks({ now }: Pick<Clock, "now">): ChunkStore {
  const kept = new Map<string, { readonly bytes: Uint8Array; readonly changedAt: Instant }>();
  let made = 0;
  return {
    smallBytes: 0,
    async put(chunks) {
      made += 1;
      const segment = `${made}`;
      kept.set(segment, { bytes: Buffer.concat(chunks), changedAt: now() });
      let offset = 0;
      return chunks.map(({ length: size }): Location => {
        offset += size;
        return { segment, offset: offset - size, size };
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
