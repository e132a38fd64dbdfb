import { WorkerLate, WorkerLost, workerProcesses } from "#platform/process/worker-processes.ts";
import type { Thumbnailer } from "../application/ports/thumbnails.ts";
import type { Picture } from "./thumbnail-process.ts";

/** One picture has so much time. */
const withinMs = 5_000;

const smaller = workerProcesses<Picture>(new URL("thumbnail-process.ts", import.meta.url));

/** Makes thumbnails by libvips. */
export const sharpThumbnails: Thumbnailer = async (bytes, pixels) => {
  try {
    return (await smaller({ bytes, pixels }, withinMs)).bytes ?? "unreadable";
  } catch (error) {
    if (error instanceof WorkerLate) return "too-slow";
    if (error instanceof WorkerLost) return "lost";
    throw error;
  }
};
