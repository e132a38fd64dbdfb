import type { OwnerId } from "../../domain/ids.ts";

export type PersonalData = {
  /** Deletes the spaces of an owner with all that is in them, and erases names in their events. */
  readonly erase: (ownerId: OwnerId) => Promise<void>;
};
