import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import type { ChunkRef, Manifest, Sha256 } from "../domain/content.ts";
import { chunksOf } from "../domain/cut-chunks.ts";

/** What a file holds. */
export type Described = {
  readonly size: number;
  readonly hash: Sha256;
  readonly manifest: Manifest;
};

const readBytes = 2 ** 20;
const named = (bytes: Uint8Array): Sha256 =>
  createHash("sha256").update(bytes).digest("hex") as Sha256;

async function* passing(bytes: AsyncIterable<Buffer>, whole: Hash): AsyncGenerator<Uint8Array> {
  for await (const piece of bytes) {
    whole.update(piece);
    yield piece;
  }
}

/** Cuts a file into its chunks, in one pass over its bytes. */
export const describeFile = (path: string): Promise<Described> =>
  described(createReadStream(path, { highWaterMark: readBytes }));

async function* atOnce(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}
export const describeBytes = (bytes: Buffer): Promise<Described> => described(atOnce(bytes));

async function described(pieces: AsyncIterable<Buffer>): Promise<Described> {
  const whole = createHash("sha256");
  const manifest: ChunkRef[] = [];
  let size = 0;
  for await (const chunks of chunksOf(passing(pieces, whole)))
    for (const chunk of chunks) {
      manifest.push({ hash: named(chunk), size: chunk.length });
      size += chunk.length;
    }
  return { size, hash: whole.digest("hex") as Sha256, manifest };
}
