import type { Instant } from "#kernel/instant.ts";
import type { ChunkRef, Fingerprint, RevisionNumber } from "./content.ts";
import type { NodeId, OwnerId, UploadId } from "./ids.ts";
import type { NodeName } from "./node-name.ts";

/** A chunk that is to be sent. `position`: its place among the chunks of the content, from 0. */
export type WantedChunk = ChunkRef & { readonly position: number; readonly hasCome: boolean };

/** A file that is to be made in a folder, or a file that is to get another content. */
export type UploadTarget =
  | { readonly kind: "file"; readonly folderId: NodeId; readonly name: NodeName }
  | { readonly kind: "revision"; readonly fileId: NodeId; readonly base: RevisionNumber };

/** A content that arrives chunk by chunk, over as many requests as it takes. */
export type Upload = Fingerprint & {
  readonly id: UploadId;
  readonly ownerId: OwnerId;
  readonly target: UploadTarget;
  /** When the client says that the content was last changed. */
  readonly modifiedAt: Instant;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  /** The file that has the content, once the upload was committed. */
  readonly nodeId?: NodeId;
};

/** An upload goes on, after any break, for so long. */
export const uploadMs = 7 * 86_400_000;
/** Chunks that one request sends, at most. */
export const maxChunksAtOnce = 1_024;
/** Uploads of one user that were begun and have neither ended nor expired. */
export const maxOpenUploads = 64;

export type UploadNotFound = { readonly type: "upload-not-found"; readonly uploadId: UploadId };
export type TooManyUploads = { readonly type: "too-many-uploads"; readonly maxOpenUploads: number };
export type ChunksMissing = { readonly type: "chunks-missing"; readonly chunks: number };
/** The bytes that came for a chunk are not its own, or there are too few or too many of them. */
export type ChunkMismatch = { readonly type: "chunk-mismatch"; readonly position: number };
/** The upload asks for no such chunk. */
export type ChunkUnwanted = { readonly type: "chunk-unwanted"; readonly position: number };
/** The content, put together, is not the one that was said. */
export type ContentMismatch = { readonly type: "content-mismatch"; readonly hash: string };
/** Without parts an upload relies on a file of the space with the same content, and there is none. */
export type ContentUnknown = { readonly type: "content-unknown"; readonly hash: string };
