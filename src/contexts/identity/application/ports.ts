import type { Change } from "#kernel/change.ts";
import type { Result } from "#kernel/result.ts";
import type { Email } from "../domain/email.ts";
import type { IdentityEvent } from "../domain/events.ts";
import type { Password, PasswordHash } from "../domain/password.ts";
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

/** More passwords wait to be hashed than will be soon. */
export type TooBusy = { readonly type: "too-busy"; readonly retryAfterS: number };

export type Verdict = {
  readonly matches: boolean;
  /** The hash was made with other parameters than today's: make it anew. */
  readonly outdated: boolean;
};

/** Slow by purpose: a hash costs the processor tens of milliseconds, so only few are made at once. */
export type Passwords = {
  readonly hash: (password: Password) => Promise<Result<PasswordHash, TooBusy>>;
  readonly verify: (password: Password, hash: PasswordHash) => Promise<Result<Verdict, TooBusy>>;
};

/** Whether a password is among those that are guessed first. */
export type IsCommonPassword = (password: Password) => Promise<boolean>;
