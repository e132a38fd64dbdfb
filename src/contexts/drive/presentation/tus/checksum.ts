import { createHash } from "node:crypto";
import { Refused } from "./refusals.ts";

const algorithms = ["sha1", "sha256"] as const;
export const checksumAlgorithms = algorithms.join(",");

/** Passes bytes on, and throws behind the last one where they are not those of a checksum, as in `sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=`. */
export function checked(
  bytes: AsyncIterable<Uint8Array>,
  checksum: string,
): AsyncIterable<Uint8Array> {
  const [name, digest = ""] = checksum.split(" ");
  const algorithm = algorithms.find((one) => one === name);
  if (algorithm === undefined || !/^[A-Za-z0-9+/]+=*$/.test(digest))
    throw new Refused({ type: "checksum-invalid", algorithms: checksumAlgorithms });
  async function* passing(): AsyncGenerator<Uint8Array> {
    const hash = createHash(algorithm as string);
    for await (const piece of bytes) {
      hash.update(piece);
      yield piece;
    }
    if (hash.digest("base64") !== digest) throw new Refused({ type: "checksum-mismatch" });
  }
  return passing();
}
