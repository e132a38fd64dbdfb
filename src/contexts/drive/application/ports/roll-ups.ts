import type { NodeId, SpaceId } from "../../domain/ids.ts";

/** What lies below a folder, itself included: a text that changes with any of it, and the bytes of the files. */
export type RollUp = { readonly tag: string; readonly bytes: number };

export type RollUps = {
  /** Those of a folder and of the folders in it, by their ids; undefined where more than so many files and folders lie below. */
  readonly below: (
    folderId: NodeId,
    limit: number,
  ) => Promise<ReadonlyMap<NodeId, RollUp> | undefined>;
  /** The position of the last event of a space before which no other one can appear any more. */
  readonly newest: (spaceId: SpaceId) => Promise<number>;
};
