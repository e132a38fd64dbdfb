import { createHash, hash } from "node:crypto";
import type { Digests } from "../application/ports/chunks.ts";
import type { Sha256 } from "../domain/content.ts";

/** SHA-256 by Node's own OpenSSL. In a thread beside, it would first copy the bytes, which takes as long as to hash them. */
export const sha256Digests: Digests = {
  sha256: (bytes) => hash("sha256", bytes, "hex") as Sha256,
  running() {
    const running = createHash("sha256");
    return {
      update: (bytes) => void running.update(bytes),
      soFar: () => running.copy().digest("hex") as Sha256,
    };
  },
};
