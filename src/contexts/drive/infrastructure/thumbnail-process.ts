// Makes small pictures of large ones in a process of its own, to which a hostile picture does no more than end it.
import { writeFileSync } from "node:fs";
import os from "node:os";
import sharp, { type Metadata } from "sharp";

/** What a picture becomes: `bytes` is undefined where it cannot be read, or would take too much. */
export type Picture = { readonly bytes: Uint8Array | undefined };
type Asked = { readonly bytes: Uint8Array; readonly pixels: number };

/** Pixels of a picture at most, and those of one side. */
const [maxPixels, maxSide] = [50_000_000, 16_384];
/** Bytes that a picture may be unpacked to, where that happens as a whole; an AVIF takes some times as many on its way. */
const [maxUnpacked, heifShare] = [200_000_000, 5];
const quality = 80;
/** A process that has grown so far ends once it has answered. */
const maxResident = 300_000_000;

/** Where a machine runs out of memory, this ends before what it works for. Linux alone knows it. */
function comeFirst(): void {
  os.setPriority(os.constants.priority.PRIORITY_LOW);
  try {
    writeFileSync("/proc/self/oom_score_adj", "1000");
  } catch {
    // other systems have no such file
  }
}
comeFirst();
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});
// A server that was killed waits for nothing.
process.on("disconnect", () => process.exit());

sharp.cache(false);
sharp.concurrency(1);
// Formats besides these have readers that nobody looks after as well.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Nsgif", "Heif"].map((name) => `VipsForeignLoad${name}`),
});

function isTooMuch({ width, height, channels, depth, format, isProgressive }: Metadata): boolean {
  const pixels = width * height;
  const isWhole = isProgressive || format === "heif" || format === "webp";
  const bytes = pixels * channels * (depth === "ushort" ? 2 : 1);
  const unpacked = bytes * (format === "heif" ? heifShare : 1);
  const isLarge = pixels > maxPixels || Math.max(width, height) > maxSide;
  return isLarge || (isWhole && unpacked > maxUnpacked);
}

async function smaller({ bytes, pixels }: Asked): Promise<Picture> {
  try {
    const image = sharp(bytes, { limitInputPixels: maxPixels, failOn: "error" });
    if (isTooMuch(await image.metadata())) return { bytes: undefined };
    const made = await image
      .autoOrient()
      .resize(pixels, pixels, { fit: "inside", withoutEnlargement: true })
      .webp({ quality })
      .toBuffer();
    return { bytes: made };
  } catch {
    return { bytes: undefined };
  }
}

process.on("message", (asked: Asked) => {
  void smaller(asked).then((picture) =>
    process.send?.(picture, () => {
      if (process.memoryUsage.rss() > maxResident) process.disconnect();
    }),
  );
});
