import type { Instant } from "#kernel/instant.ts";
import type { Content, Manifest, MediaType, RevisionNumber, Sha256 } from "../../domain/content.ts";
import type { NodeId } from "../../domain/ids.ts";

/** What a file held from some time on. It never changes. */
export type RevisionFacts = Content & { readonly nodeId: NodeId; readonly createdAt: Instant };
export type Revision = RevisionFacts & { readonly manifest: Manifest };

export type RevisionCopy = {
  readonly to: RevisionFacts;
  readonly from: { readonly nodeId: NodeId; readonly revision: RevisionNumber };
};

/** Some chunks of a revision. `startsAt`: the byte of the file that they begin with. */
export type ManifestPage = { readonly startsAt: number; readonly manifest: Manifest };

/** The place of a page among all pages of all manifests. */
export type PagePlace = {
  readonly nodeId: NodeId;
  readonly revision: RevisionNumber;
  readonly startsAt: number;
};

type Place = { readonly nodeId: NodeId; readonly revision: RevisionNumber };
/** A revision whose media type is not known, and its first chunk; an empty one has none. */
export type Unsniffed = Place & { readonly chunk: Sha256 | undefined };
export type Sniffed = Place & { readonly mediaType: MediaType };

export type Revisions = {
  readonly unsniffed: (limit: number) => Promise<readonly Unsniffed[]>;
  /** Says what media types some revisions have, of which it is not known. */
  readonly tell: (sniffed: readonly Sniffed[]) => void;
  /** Pages of all manifests, after one of them. */
  readonly pages: (
    after: PagePlace | undefined,
    limit: number,
  ) => Promise<readonly (PagePlace & { readonly hashes: readonly Sha256[] })[]>;
  readonly add: (revisions: readonly Revision[]) => void;
  /** Adds revisions, each with the chunks of another one, whose file is there still: nothing is saved otherwise. */
  readonly copy: (copies: readonly RevisionCopy[]) => void;
  readonly byNumber: (
    nodeId: NodeId,
    revision: RevisionNumber,
  ) => Promise<RevisionFacts | undefined>;
  /** Revisions of a file before one of them, the newest first. */
  readonly list: (page: {
    readonly nodeId: NodeId;
    readonly before?: RevisionNumber | undefined;
    readonly limit: number;
  }) => Promise<readonly RevisionFacts[]>;
  /** The page that a byte of a revision lies in, so that a part of a file costs no more than its bytes. */
  readonly page: (place: {
    readonly nodeId: NodeId;
    readonly revision: RevisionNumber;
    readonly at: number;
  }) => Promise<ManifestPage | undefined>;
};
