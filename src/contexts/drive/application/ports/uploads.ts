import type { Instant } from "#kernel/instant.ts";
import type { Manifest, Sha256 } from "../../domain/content.ts";
import type { NodeId, OwnerId, UploadId } from "../../domain/ids.ts";
import type { Upload, WantedChunk } from "../../domain/upload.ts";

export type Uploads = {
  readonly byId: (id: UploadId) => Promise<Upload | undefined>;
  /** Uploads of an owner that were neither committed nor have expired. */
  readonly countOpen: (ownerId: OwnerId, now: Instant) => Promise<number>;
  /** One that goes on when an upload is created, of the same chunks of the same content for the same file. */
  readonly same: (upload: Upload, manifest: Manifest) => Promise<Upload | undefined>;
  readonly add: (upload: Upload, manifest: Manifest, wanted: readonly WantedChunk[]) => void;
  readonly manifest: (id: UploadId) => Promise<Manifest>;
  /** Those of the chunks at some positions that are wanted, whether they have come or not. */
  readonly wanted: (id: UploadId, positions: readonly number[]) => Promise<readonly WantedChunk[]>;
  /** Wanted chunks that have not come, in their order. */
  readonly missing: (id: UploadId, limit: number) => Promise<readonly WantedChunk[]>;
  readonly come: (id: UploadId, positions: readonly number[]) => void;
  /** Asks for chunks, which may have come before. */
  readonly want: (id: UploadId, chunks: readonly WantedChunk[]) => void;
  /** Keeps of an upload only which file has its content. */
  readonly commit: (id: UploadId, nodeId: NodeId) => void;
  readonly remove: (id: UploadId) => void;
  readonly expire: (now: Instant) => void;
  /** The chunks of the next upload after another one. */
  readonly next: (
    after: UploadId | undefined,
  ) => Promise<{ readonly id: UploadId; readonly hashes: readonly Sha256[] } | undefined>;
};
