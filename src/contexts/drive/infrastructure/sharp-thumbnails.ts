import { bulkhead, BulkheadRejectedError } from "cockatiel";
import { err, ok } from "#kernel/result.ts";
import { WorkerLost, workerProcesses } from "#platform/process/worker-processes.ts";
import type { Thumbnailer } from "../application/ports/thumbnails.ts";
import type { Picture } from "./thumbnail-process.ts";

/** Pictures that are made at once, and those that wait. Each is in memory as a whole. */
const [atOnce, maxWaiting] = [2, 64];
/** One picture has so much time. */
const withinMs = 10_000;
const retryAfterS = 2;

const smaller = workerProcesses<Picture>(new URL("thumbnail-process.ts", import.meta.url));

/** Makes thumbnails by libvips. One that takes too long, or ends its process, may be tried again. */
export function sharpThumbnails(): Thumbnailer {
  const queue = bulkhead(atOnce, maxWaiting);
  return async (read, pixels) => {
    try {
      const { bytes } = await queue.execute(async () =>
        smaller({ bytes: await read(), pixels }, withinMs),
      );
      return ok(bytes);
    } catch (error) {
      const isLater = error instanceof BulkheadRejectedError || error instanceof WorkerLost;
      if (isLater) return err({ type: "too-busy", retryAfterS });
      throw error;
    }
  };
}
