// Makes small pictures of large ones in a process of its own, to which a hostile picture does no more than end it.
import os from "node:os";
import sharp from "sharp";

/** What a picture becomes: `bytes` is undefined where it cannot be read. */
export type Picture = { readonly bytes: Uint8Array | undefined };
type Asked = { readonly bytes: Uint8Array; readonly pixels: number };

/** Pixels of a picture at most: some formats are unpacked as a whole, by four bytes each. */
const maxPixels = 50_000_000;
const quality = 80;

os.setPriority(os.constants.priority.PRIORITY_LOW);
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => {});

sharp.cache(false);
sharp.concurrency(1);
// Formats besides these have readers that nobody looks after as well.
sharp.block({ operation: ["VipsForeignLoad"] });
sharp.unblock({
  operation: ["Jpeg", "Png", "Webp", "Nsgif", "Heif"].map((name) => `VipsForeignLoad${name}`),
});

async function smaller({ bytes, pixels }: Asked): Promise<Picture> {
  try {
    const made = await sharp(bytes, { limitInputPixels: maxPixels, failOn: "error" })
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
  void smaller(asked).then((picture) => process.send?.(picture));
});
