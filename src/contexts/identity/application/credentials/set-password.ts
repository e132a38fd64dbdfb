import { andThen, unchanged, type Change } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Credentials } from "../../domain/credentials.ts";
import type { Email } from "../../domain/email.ts";
import { Password } from "../../domain/password.ts";
import {
  User,
  type ActiveUser,
  type InvitationAlreadyAccepted,
  type UserAlreadyExists,
} from "../../domain/user.ts";
import type { UserId } from "../../domain/user-id.ts";
import type { IdentityEvent } from "../../domain/events.ts";
import { acceptPassword, type PasswordTooCommon } from "./accept-password.ts";
import { endAll, revokeAll } from "../revocation.ts";
import type { IdentityScope, IsCommonPassword, Passwords, TooBusy, Tokens } from "../ports.ts";
import {
  InvitationToken,
  RestorationToken,
  SetPasswordToken,
  Token,
  type InvitationExpired,
  type TokenRefused,
} from "../tokens.ts";

export const SetPassword = shape({ token: Token, password: Password });
export type SetPassword = Infer<typeof SetPassword>;

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly passwords: Passwords;
  readonly isCommonPassword: IsCommonPassword;
  readonly tokens: Tokens;
  readonly clock: Clock;
};
type Refused = TokenRefused | InvitationExpired | InvitationAlreadyAccepted | UserAlreadyExists;
type Outcome = Result<{ readonly email: Email }, Refused | PasswordTooCommon | TooBusy | Conflict>;

/** How a token that came by email lets its reader in. */
type Entry = {
  readonly userId: UserId;
  readonly email: Email;
  readonly enter: (
    user: User | undefined,
    credentials: Credentials,
    at: Instant,
  ) => Result<Change<ActiveUser, IdentityEvent>, Refused>;
  /** Whether all but the password is void, because a thief may have added it. */
  readonly voidsFactors: boolean;
};

const refused = err<TokenRefused>({ type: "token-refused" });

function entryOf(tokens: Tokens, token: Token): Entry | undefined {
  const reset = tokens.read(SetPasswordToken, token);
  if (reset)
    return {
      ...reset,
      voidsFactors: false,
      enter(user, { version }, at) {
        const isSame = user?.email === reset.email && version === reset.credentialsVersion;
        return user?.status === "active" && isSame && at < reset.expiresAt
          ? ok(User.verifyEmail(user))
          : refused;
      },
    };
  const invitation = tokens.read(InvitationToken, token);
  if (invitation)
    return {
      ...invitation,
      voidsFactors: false,
      enter(user, _credentials, at) {
        if (user?.email !== invitation.email) return refused;
        if (user.status === "active") return err({ type: "invitation-accepted" });
        if (user.status !== "invited") return refused;
        if (at >= invitation.expiresAt) return err({ type: "invitation-expired" });
        return ok(User.accept(user));
      },
    };
  const restoration = tokens.read(RestorationToken, token);
  return (
    restoration && {
      ...restoration,
      voidsFactors: true,
      enter(user, _credentials, at) {
        const former = user && User.formerOf(user, restoration, at);
        return user?.status === "active" && former ? ok(User.restoreEmail(user, former)) : refused;
      },
    }
  );
}

/**
 * Sets the password of whoever got the token by email, which also shows that the address is theirs.
 * Ends all their sessions, starts none and revokes their API keys: somebody else may have had the old one. The
 * second factor is still asked for. Where the address was not verified before, or the account is taken back, all but
 * the password goes.
 */
export function setPassword(deps: Deps) {
  const accept = acceptPassword(deps);
  const { unitOfWork, read, tokens, clock } = deps;
  return async ({ token, password }: SetPassword, context: Context): Promise<Outcome> => {
    const entry = entryOf(tokens, token);
    if (!entry) return refused;
    const { userId, email, enter, voidsFactors } = entry;
    const known = await read(context, async ({ users, credentials }) =>
      enter(await users.byId(userId), await credentials.byUser(userId), clock.now()),
    );
    if (!known.ok) return known;
    const hash = await accept(password, email);
    if (!hash.ok) return hash;

    return unitOfWork(
      { ...context, actor: userId },
      async ({ users, credentials, sessions, apiKeys }) => {
        const at = clock.now();
        const user = await users.byId(userId);
        const current = await credentials.byUser(userId);
        const entered = enter(user, current, at);
        if (!entered.ok) return entered;
        const holder = await users.byEmail(email);
        if (holder && holder.id !== userId) return err({ type: "user-already-exists", email });

        const why = current.password === undefined ? "registration" : "reset";
        const change = Credentials.setPassword(current, hash.value, why);
        // Until now, whoever registered need not have been the owner of the address.
        const isNew = user?.isEmailVerified === false;
        credentials.save(
          andThen(change, (next) =>
            voidsFactors || isNew ? Credentials.onlyPassword(next) : unchanged(next),
          ),
        );
        users.save(entered.value);
        await revokeAll(apiKeys, userId, at);
        await endAll(sessions, userId, { at, why: "password-set" });
        return ok({ email });
      },
      { lock: [userId] },
    );
  };
}
