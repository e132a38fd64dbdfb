import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Saves } from "#kernel/repository.ts";
import type { DriveEvent } from "../../domain/events.ts";
import type { InvitationId, SpaceId, UserId } from "../../domain/ids.ts";
import type { Address, Invitation } from "../../domain/invitation.ts";

export type Invitations = Saves<Invitation, DriveEvent> & {
  readonly byId: (id: InvitationId) => Promise<Invitation | undefined>;
  /** Those to a space, the oldest first. */
  readonly toSpace: (spaceId: SpaceId) => Promise<readonly Invitation[]>;
  /** Those of an address, the oldest first. */
  readonly ofAddress: (email: Address, limit: number) => Promise<readonly Invitation[]>;
  readonly end: (change: Change<Invitation, DriveEvent>) => void;
  /** Forgets those that can no longer be accepted. */
  readonly expire: (now: Instant) => void;
};

/** Port: the email addresses of users. */
export type Addresses = {
  /** As two spellings of one address are compared; undefined where mail cannot be sent to it. */
  readonly canonical: (typed: string) => Address | undefined;
  /** That of a user who has shown that mail to it reaches them. */
  readonly verifiedOf: (userId: UserId) => Promise<Address | undefined>;
};
