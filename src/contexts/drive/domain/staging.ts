import type { Instant } from "#kernel/instant.ts";
import type { ByteCount, Manifest, MediaType, RevisionNumber, Sha256 } from "./content.ts";
import type { NodeId, OwnerId, StagingId } from "./ids.ts";

/** A content that is put together of pieces, over as many requests as it takes, before a file has it. Only its owner sees it. */
export type Staging = {
  readonly id: StagingId;
  readonly ownerId: OwnerId;
  /** How the client calls it, if it does: an owner has one of a name. */
  readonly name: string | undefined;
  /** What the client keeps with it, of which the drive knows nothing. */
  readonly note: string;
  /** The bytes that it is to have, where the client has said so. */
  readonly length: ByteCount | undefined;
  /** Those of all pieces. */
  readonly bytes: ByteCount;
  readonly pieces: number;
  /** The digest of the pieces, where one request has sent all of them, or once it is sealed. */
  readonly hash: Sha256 | undefined;
  /** Whether it takes no more pieces. */
  readonly isSealed: boolean;
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  /** The file that has the content, and its revision. */
  readonly nodeId: NodeId | undefined;
  readonly revision: RevisionNumber | undefined;
};

/** Which pieces there are. */
export type PieceSize = { readonly place: number; readonly size: number };

/** Bytes that have come by one request. `place`: pieces are put together in the order of their places. */
export type StagedPiece = {
  readonly place: number;
  readonly manifest: Manifest;
  readonly mediaType: MediaType;
};

/** A staging goes on, after any break, for so long. */
export const stagingMs = 7 * 86_400_000;
/** Stagings of one user that no file has and that have not expired. */
export const maxOpenStagings = 1_000;
export const maxPieces = 10_000;
/** The bytes of one request are kept in pieces of this size, so that a killed process loses no more. */
export const pieceBytes = 64 * 2 ** 20;

export type StagingNotFound = { readonly type: "staging-not-found"; readonly stagingId: StagingId };
export type StagingExists = { readonly type: "staging-exists" };
export type TooManyStagings = {
  readonly type: "too-many-stagings";
  readonly maxOpenStagings: number;
};
export type TooManyPieces = { readonly type: "too-many-pieces"; readonly maxPieces: number };
/** The offset of the request is not where the pieces before it end. */
export type OffsetMismatch = { readonly type: "offset-mismatch"; readonly offset: number };
/** More bytes of it are to come. */
export type StagingUnfinished = {
  readonly type: "staging-unfinished";
  readonly stagingId: StagingId;
};
/** It takes no more pieces, and its length stays. */
export type StagingSealed = { readonly type: "staging-sealed" };
/** There are more, or fewer, bytes than the client has said. */
export type LengthMismatch = {
  readonly type: "length-mismatch";
  readonly length: number;
  readonly bytes: number;
};
