import type { Instant } from "#kernel/instant.ts";
import type {
  ByteCount,
  Manifest,
  MediaType,
  RevisionNumber,
  Sha256,
} from "../../domain/content.ts";
import type { NodeId, OwnerId, StagingId } from "../../domain/ids.ts";
import type { PieceSize, StagedPiece, Staging } from "../../domain/staging.ts";

/** A piece, by the staging that it is of. */
export type PiecePlace = { readonly id: StagingId; readonly place: number };

/** The file that has a content, and its revision. */
export type SettledFile = { readonly nodeId: NodeId; readonly revision: RevisionNumber };

export type Stagings = {
  readonly byId: (id: StagingId) => Promise<Staging | undefined>;
  readonly byName: (ownerId: OwnerId, name: string) => Promise<Staging | undefined>;
  /** The pieces of a staging, in the order of their places. */
  readonly sizes: (id: StagingId) => Promise<readonly PieceSize[]>;
  /** The bytes of the piece at a place; undefined where there is none. */
  readonly sizeAt: (id: StagingId, place: number) => Promise<number | undefined>;
  /** Those of an owner that no file has and that have not expired, and the bytes of their pieces. */
  readonly openOf: (
    ownerId: OwnerId,
    now: Instant,
  ) => Promise<{ readonly count: number; readonly bytes: number }>;
  /** These themselves, in the order in which they were begun. */
  readonly listOpen: (ownerId: OwnerId, now: Instant) => Promise<readonly Staging[]>;
  readonly add: (staging: Omit<Staging, "bytes" | "pieces">) => void;
  /** Keeps a piece, instead of one that was in its place before. `hash`: that of all pieces, where it is known. */
  readonly put: (id: StagingId, piece: StagedPiece, hash: Sha256 | undefined) => void;
  readonly tellLength: (id: StagingId, length: ByteCount) => void;
  /** The chunks of all pieces, and the media type of the first one. */
  readonly content: (
    id: StagingId,
  ) => Promise<{ readonly manifest: Manifest; readonly mediaType: MediaType | undefined }>;
  readonly seal: (id: StagingId, hash: Sha256) => void;
  /** Makes the pieces of others those of a staging, in the order of the others. */
  readonly join: (id: StagingId, others: readonly StagingId[]) => void;
  /** Keeps of a staging only how long it is and which file has its content. */
  readonly settle: (id: StagingId, file: SettledFile, length: ByteCount) => void;
  readonly remove: (id: StagingId) => void;
  readonly expire: (now: Instant) => void;
  /** The chunks of some pieces, in the order of their stagings and places, after one of them. */
  readonly next: (
    after: PiecePlace | undefined,
    limit: number,
  ) => Promise<readonly (PiecePlace & { readonly hashes: readonly Sha256[] })[]>;
};
