import type { Instant } from "#kernel/instant.ts";
import { branded, type Brand } from "#kernel/shape.ts";

/** The SHA-256 of bytes, in hexadecimal. Chunks are named by theirs. */
export type Sha256 = Brand<string, "Sha256">;
export const Sha256 = branded<Sha256>("SHA-256", {
  schema: { type: "string", pattern: "^[0-9a-f]{64}$", maxLength: 64 },
  says: "a SHA-256 in hexadecimal, which has 64 small letters and digits",
});

/** Bytes of one file at most. */
export const maxFileBytes = 8 * 2 ** 30;

export type ByteCount = Brand<number, "ByteCount">;
export const ByteCount = branded<ByteCount>("number of bytes", {
  schema: { type: "integer", minimum: 0, maximum: maxFileBytes },
});

/** The number of a revision of a file, from 1. */
export type RevisionNumber = Brand<number, "RevisionNumber">;
export const RevisionNumber = {
  ...branded<RevisionNumber>("revision", { schema: { type: "integer", minimum: 1 } }),
  first: 1 as RevisionNumber,
  after: (revision: RevisionNumber): RevisionNumber => (revision + 1) as RevisionNumber,
};

/** What kind of bytes a content has, as in `image/png`. Its beginning tells it, never the client. */
export type MediaType = Brand<string, "MediaType">;
export const MediaType = {
  ...branded<MediaType>("media type", {
    schema: { type: "string", pattern: "^[a-z]+/[a-z0-9.+-]+$", maxLength: 100 },
    says: "a type and a subtype, as in image/png",
  }),
  unknown: "application/octet-stream" as MediaType,
};

/** What tells bytes from others. */
export type Fingerprint = { readonly size: ByteCount; readonly hash: Sha256 };

/** What a file holds, without its bytes. `modifiedAt`: when the client says that they were last changed. */
export type Content = Fingerprint & {
  readonly revision: RevisionNumber;
  readonly mediaType: MediaType;
  readonly modifiedAt: Instant;
};

/** What a new revision is to hold. */
export type NewContent = Omit<Content, "revision">;
export const newContentOf = ({ size, hash, mediaType, modifiedAt }: NewContent): NewContent => ({
  size,
  hash,
  mediaType,
  modifiedAt,
});

export type ChunkRef = { readonly hash: Sha256; readonly size: number };
/** The chunks of a revision, in their order. */
export type Manifest = readonly ChunkRef[];

/** Chunks of one page of a manifest. */
const pageChunks = 1_024;

/** A manifest in pages, each with the byte of the file that it begins with. */
export function pagesOf(
  manifest: Manifest,
): readonly { readonly startsAt: number; readonly manifest: Manifest }[] {
  const pages: { readonly startsAt: number; readonly manifest: Manifest }[] = [];
  let startsAt = 0;
  for (let first = 0; first < manifest.length; first += pageChunks) {
    const page = manifest.slice(first, first + pageChunks);
    pages.push({ startsAt, manifest: page });
    startsAt += sizeOf(page);
  }
  return pages;
}

export const sizeOf = (manifest: Manifest): number =>
  manifest.reduce((sum, { size }) => sum + size, 0);

/** A part of a chunk, from one byte of it up to another one. */
export type ChunkPart = ChunkRef & { readonly from: number; readonly until: number };

/** The parts of chunks that hold the bytes from one place of a file up to another one. */
export function partsOf(
  manifest: Manifest,
  range: { readonly from: number; readonly until: number },
): readonly ChunkPart[] {
  const parts: ChunkPart[] = [];
  let at = 0;
  for (const chunk of manifest) {
    const [from, until] = [Math.max(range.from - at, 0), Math.min(range.until - at, chunk.size)];
    if (from < until) parts.push({ ...chunk, from, until });
    at += chunk.size;
  }
  return parts;
}
