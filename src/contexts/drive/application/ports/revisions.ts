import type { Instant } from "#kernel/instant.ts";
import type { Content, Manifest, RevisionNumber } from "../../domain/content.ts";
import type { NodeId } from "../../domain/ids.ts";

/** A revision of a file, which never changes. */
export type Revision = Content & {
  readonly nodeId: NodeId;
  readonly manifest: Manifest;
  readonly createdAt: Instant;
};

/** Some chunks of a revision. `startsAt`: the byte of the file that they begin with. */
export type ManifestPage = { readonly startsAt: number; readonly manifest: Manifest };

export type Revisions = {
  readonly add: (revision: Revision) => void;
  /** The page that a byte of a revision lies in, so that a part of a file costs no more than its bytes. */
  readonly page: (place: {
    readonly nodeId: NodeId;
    readonly revision: RevisionNumber;
    readonly at: number;
  }) => Promise<ManifestPage | undefined>;
};
