import { makeZip, predictLength } from "client-zip";
import { Instant } from "#kernel/instant.ts";
import type { PackedEntry, ReadableArchive } from "../application/content/read-archive.ts";

/** Names in a ZIP archive, below the folder that is packed. A name like `C:` would be a drive of Windows at the beginning of a path. */
const nameOf = ({ name }: ReadableArchive, { path, content }: PackedEntry): string =>
  `${name.replaceAll(":", "_")}/${path}${content ? "" : "/"}`;

/** One after the other, as they are asked for. */
function* entriesOf(archive: ReadableArchive) {
  for (const entry of archive.entries) {
    const lastModified = new Date(Instant.toUnixMs(entry.changedAt));
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
