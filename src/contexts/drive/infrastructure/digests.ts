import { createHash, subtle } from "node:crypto";
import type { Digests } from "../application/ports/chunks.ts";
import type { Sha256 } from "../domain/content.ts";

/** SHA-256 by Node's own OpenSSL: that of bytes that are there in a thread beside, so that others are served. */
export const sha256Digests: Digests = {
  sha256: async (bytes) =>
    Buffer.from(await subtle.digest("SHA-256", bytes as Uint8Array<ArrayBuffer>)).toString(
      "hex",
    ) as Sha256,
  running() {
    const running = createHash("sha256");
    return {
      update: (bytes) => void running.update(bytes),
      end: () => running.digest("hex") as Sha256,
    };
  },
};
