import type { OwnerId, SpaceId } from "../../domain/ids.ts";
import type { Fingerprint } from "../../domain/content.ts";

/** What the spaces of owners have, in bytes. A content counts once in a space, in however many files and revisions it is. */
export type Usage = {
  /** `usedBytes`: in all spaces of the owner. `newBytes`: those of some contents that the space does not have yet. */
  readonly of: (
    ownerId: OwnerId,
    wanted?: { readonly spaceId: SpaceId; readonly contents: readonly Fingerprint[] },
  ) => Promise<{ readonly usedBytes: number; readonly newBytes: number }>;
  /** Comes after the contents that add `newBytes` at most. Where others have taken the room meanwhile, the unit of work ends in `conflict`. */
  readonly claim: (
    ownerId: OwnerId,
    room: { readonly quotaBytes: number; readonly newBytes: number },
  ) => void;
};
