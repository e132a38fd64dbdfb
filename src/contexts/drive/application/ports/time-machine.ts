import type { Instant } from "#kernel/instant.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { NameKey } from "../../domain/node-name.ts";
import type { Placed } from "../../domain/node.ts";
import type { Past } from "../../domain/rewind.ts";

/** `isHeld`: nobody changes them until the unit of work has ended. */
type Some = { readonly limit: number; readonly isHeld: boolean };

/** Knows what folders were, besides what was deleted for good since. */
export type TimeMachine = {
  /** What lay in a folder at a time, in the order of the names of then. */
  readonly children: (page: {
    readonly folderId: NodeId;
    readonly at: Instant;
    readonly after?: NameKey | undefined;
    readonly limit: number;
  }) => Promise<readonly Past[]>;
  /** What lay below a folder at a time, each folder before what lay in it. */
  readonly below: (
    folderId: NodeId,
    some: Some & { readonly at: Instant },
  ) => Promise<readonly Past[]>;
  /** What lies below some folders now, without what was put in the trash by itself. */
  readonly belowNow: (folderIds: readonly NodeId[], some: Some) => Promise<readonly Placed[]>;
};
