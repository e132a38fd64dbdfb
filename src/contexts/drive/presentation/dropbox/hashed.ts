import { optionalText, type Args } from "./arguments.ts";
import { contentHash } from "./metadata.ts";
import { failed, tagged, within, type Around } from "./refusals.ts";

export type Body = AsyncIterable<Uint8Array>;

/** Passes bytes on, and knows their content hash behind the last one. Throws there where it is not the one that was said. */
export function hashed(bytes: Body, args: Args, around: Around = []) {
  const hash = contentHash();
  const wanted = optionalText(args, "content_hash");
  let told = "";
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
    told = hash.end();
    if (wanted !== undefined && wanted !== told)
      throw failed(within(around, tagged("content_hash_mismatch")));
  }
  return { bytes: passing(), hash: () => told };
}
