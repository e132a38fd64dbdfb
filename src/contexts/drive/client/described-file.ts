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
export async function describeFile(path: string): Promise<Described> {
  const whole = createHash("sha256");
  const manifest: ChunkRef[] = [];
  const bytes = passing(createReadStream(path, { highWaterMark: readBytes }), whole);
  let size = 0;
  for await (const chunks of chunksOf(bytes))
    for (const chunk of chunks) {
      manifest.push({ hash: named(chunk), size: chunk.length });
      size += chunk.length;
    }
  return { size, hash: whole.digest("hex") as Sha256, manifest };
}
