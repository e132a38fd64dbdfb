import type { Readable, Writable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { constants, createZstdCompress, createZstdDecompress } from "node:zlib";
import { extract, pack } from "tar-stream";

/** A file in an archive; it is held in memory whole. */
export type Part = { readonly name: string; readonly bytes: Buffer };

/** The archive is damaged, or ends too early. */
export class ArchiveBroken extends Error {
  override readonly name = "ArchiveBroken";
}

/** Bytes of one part at most. */
export const partMaxBytes = 64 * 1024 * 1024;

/** Writes a tar archive, compressed with Zstandard, which `tar --zstd -tf` lists. */
export function writeArchive(out: Writable) {
  const archive = pack();
  const compress = createZstdCompress({
    params: {
      [constants.ZSTD_c_checksumFlag]: 1,
      [constants.ZSTD_c_compressionLevel]: 1, // a server works beside it
    },
  });
  const written = pipeline(archive, compress, out);
  written.catch(() => {}); // told to the one that adds a part, or that ends it
  return {
    /** Returns once the archive takes more. */
    async add({ name, bytes }: Part): Promise<void> {
      if (bytes.length > partMaxBytes) throw new Error(`${name} is larger than ${partMaxBytes} B`);
      const header = { name, size: bytes.length, mode: 0o600 };
      const taken = Promise.withResolvers<void>();
      const done = (error?: Error | null) => (error ? taken.reject(error) : taken.resolve());
      try {
        archive.entry(header, bytes, done);
        await Promise.race([taken.promise, written]);
      } catch (error) {
        await written; // tells why, where it is what has failed
        throw error;
      }
    },
    async end(): Promise<void> {
      archive.finalize();
      await written;
    },
    /** Closes what it writes to. */
    abandon(): void {
      archive.destroy();
    },
  };
}

/** The parts of an archive in their order. Throws `ArchiveBroken` where it is not whole. */
export async function* readArchive(input: Readable): AsyncGenerator<Part> {
  const entries = extract();
  const read = pipeline(input, createZstdDecompress(), entries);
  read.catch(() => {}); // ends the entries as well
  try {
    for await (const entry of entries) {
      const { name, size } = entry.header;
      if (!(size <= partMaxBytes)) throw new ArchiveBroken(`${name} claims to have ${size} bytes`);
      yield { name, bytes: await buffer(entry) };
    }
    await read;
  } catch (cause) {
    throw cause instanceof ArchiveBroken
      ? cause
      : new ArchiveBroken("this is no backup, or it is damaged or cut short", { cause });
  } finally {
    input.destroy();
  }
}
