import { makeZip, predictLength } from "client-zip";
import { Instant } from "#kernel/instant.ts";
import type { PackedEntry, ReadableArchive } from "../application/content/read-archive.ts";

/** Names in a ZIP archive, below the folder that is packed. A name like `C:` would be a drive of Windows at the beginning of a path. */
const nameOf = ({ name }: ReadableArchive, { path, content }: PackedEntry): string =>
  `${name.replaceAll(":", "_")}/${path}${content ? "" : "/"}`;

/** ZIP archives know the years from 1980 to 2107. */
const [first, last] = ["1980-01-02", "2107-12-30"].map((day) => Date.parse(day));
const kept = (at: Instant): number =>
  Math.min(Math.max(Instant.toUnixMs(at), first ?? 0), last ?? 0);

/** One after the other, as they are asked for. */
function* entriesOf(archive: ReadableArchive) {
  for (const entry of archive.entries) {
    const lastModified = new Date(kept(entry.modifiedAt));
    const told = { name: nameOf(archive, entry), lastModified };
    const { content } = entry;
    yield content ? { ...told, size: content.size, input: content.bytes() } : told;
  }
}

/** Archives that are sent at once, to all and to one actor: each keeps the paths of its files. */
const [maxArchives, maxArchivesOfOne] = [8, 2];

/** A ZIP archive, packed as it is sent. Nothing is compressed: its length is known before. */
export const zipOf = {
  isMade: true,
  mediaType: "application/zip",
  places: [maxArchives, maxArchivesOfOne],
  sizeOf: (archive: ReadableArchive): number => Number(predictLength(entriesOf(archive))),
  fileName: ({ name }: ReadableArchive): string => `${name}.zip`,
  bytes: (archive: ReadableArchive): AsyncIterable<Uint8Array> => makeZip(entriesOf(archive)),
} as const;
