import { buffer } from "node:stream/consumers";
import { pack, type Header } from "tar-stream";

/** An entry of a tar archive: a file with this text, or a folder where there is none. */
export type Packed = {
  readonly name: string;
  readonly text?: string;
  readonly type?: NonNullable<Header["type"]>;
  readonly mtime?: Date;
  readonly pax?: { readonly [name: string]: string };
};

/** A tar archive. */
export async function tarOf(entries: readonly Packed[]): Promise<Buffer> {
  const archive = pack();
  for (const { name, text, type, ...more } of entries) {
    const kind = type ?? (text === undefined ? "directory" : "file");
    archive.entry({ name, type: kind, linkname: "elsewhere", ...more }, text ?? "");
  }
  archive.finalize();
  return buffer(archive);
}
