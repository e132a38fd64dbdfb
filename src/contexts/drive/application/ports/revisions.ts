import type { Instant } from "#kernel/instant.ts";
import type { Content, Manifest, RevisionNumber } from "../../domain/content.ts";
import type { NodeId } from "../../domain/ids.ts";

/** A revision of a file, which never changes. */
export type Revision = Content & {
  readonly nodeId: NodeId;
  readonly manifest: Manifest;
  readonly createdAt: Instant;
};

export type Revisions = {
  readonly add: (revision: Revision) => void;
  readonly manifest: (nodeId: NodeId, revision: RevisionNumber) => Promise<Manifest | undefined>;
};
