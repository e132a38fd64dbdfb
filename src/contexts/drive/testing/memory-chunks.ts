import type { ChunkStore, Location } from "../application/ports/chunks.ts";

/** Chunks in memory: the twin of segments. */
export function memoryChunks(): ChunkStore {
  const kept: Uint8Array[] = [];
  return {
    async put(chunks) {
      return chunks.map((bytes): Location => {
        kept.push(bytes.slice());
        return { segment: `${kept.length - 1}`, offset: 0, size: bytes.length };
      });
    },
    async flush() {},
    async read({ segment, offset, size }) {
      const bytes = kept[Number(segment)]?.slice(offset, offset + size);
      if (bytes?.length !== size)
        throw new Error(`segment ${segment} ends before ${offset + size}`);
      return bytes;
    },
  };
}
