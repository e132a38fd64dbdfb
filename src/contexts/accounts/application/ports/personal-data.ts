import type { OwnerId } from "../../domain/ids.ts";

export type PersonalData = {
  /**
   * Replaces names and masks of the accounts of an owner, and memos of what was posted or held on them, in rows and events. Money
   * and dates stay.
   */
  readonly erase: (ownerId: OwnerId) => Promise<void>;
};
