import { createHash, type Hash } from "node:crypto";
import { pipeline } from "node:stream/promises";
import { extract } from "tar-stream";
import { Instant } from "#kernel/instant.ts";
import {
  ArchiveBroken,
  type ArchiveEntry,
  type UploadedArchive,
} from "../application/content/receive-archive.ts";

const kinds: Readonly<Record<string, ArchiveEntry["kind"]>> = {
  file: "file",
  "contiguous-file": "file",
  directory: "folder",
};

/** Says of an archive that breaks off that it is broken. */
async function* unbroken<T>(arriving: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* arriving;
  } catch (cause) {
    throw new ArchiveBroken("the archive cannot be read", { cause });
  }
}

/** Archives have times that no calendar has, too. */
function instantOf(time: Date | undefined): Instant | undefined {
  const isTime = time !== undefined && Number.isFinite(time.getTime());
  const parsed = isTime ? Instant.parse(time.toISOString()) : undefined;
  return parsed?.ok ? parsed.value : undefined;
}

/** Seconds since 1970, as pax headers spell them. */
const preciseTime = (seconds: string): Date =>
  new Date(/^-?\d{1,12}(\.\d{1,9})?$/.test(seconds) ? Number(seconds) * 1_000 : Number.NaN);

/** The entries of a tar archive, in their order, each to be read before the next one. */
async function* entriesOf(
  body: AsyncIterable<Uint8Array>,
  hash: Hash,
): AsyncGenerator<ArchiveEntry> {
  const archive = extract();
  const arriving = pipeline(
    body,
    async function* digesting(pieces: AsyncIterable<Uint8Array>) {
      for await (const piece of pieces) {
        hash.update(piece);
        yield piece;
      }
    },
    archive,
  );
  arriving.catch(() => {}); // ends the entries as well
  for await (const entry of unbroken(archive)) {
    const { name: path, type, mtime, pax } = entry.header;
    const bytes = unbroken(entry as AsyncIterable<Uint8Array>);
    const { mtime: precise } = (pax ?? {}) as { readonly mtime?: string };
    const modifiedAt = instantOf(precise === undefined ? mtime : preciseTime(precise));
    yield { path, kind: kinds[type ?? "file"] ?? "other", modifiedAt, bytes };
  }
}

/** An archive that is read once, by whoever asks first. */
export function uploadedArchive(body: AsyncIterable<Uint8Array>): UploadedArchive {
  let received: Promise<unknown> | undefined;
  const hash = createHash("sha256");
  let digest: string | undefined;
  return {
    digest: () => (digest ??= hash.digest("base64url")),
    receive: <T>(work: (entries: AsyncIterable<ArchiveEntry>) => Promise<T>) =>
      (received ??= work(entriesOf(body, hash))) as Promise<T>,
  };
}
