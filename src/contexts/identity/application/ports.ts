import type { Change } from "#kernel/change.ts";
import type { Email } from "../domain/email.ts";
import type { IdentityEvent } from "../domain/events.ts";
import type { ActiveUser, User } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";

export type Users = {
  readonly byId: (id: UserId) => Promise<User | undefined>;
  /** Who uses the address now. */
  readonly byEmail: (email: Email) => Promise<ActiveUser | undefined>;
  /** Active users in the order of their registration, after one of them. */
  readonly page: (page: {
    readonly after?: UserId | undefined;
    readonly limit: number;
  }) => Promise<readonly ActiveUser[]>;
  /**
   * Leaves with the unit of work; answers the user with the version that it then has. A change of
   * a stale version, or to an address taken meanwhile, makes the unit of work end in `conflict`.
   */
  readonly save: <U extends User>(change: Change<U, IdentityEvent>) => U;
};

/** All repositories of identity, bound to one transaction. */
export type IdentityScope = { readonly users: Users };

/** Hands an email over. `id` stays the same when the same email is sent again. */
export type SendEmail = (email: {
  readonly id: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}) => Promise<void>;
