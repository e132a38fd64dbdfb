import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Code,
  Credentials,
  type CodeRefused,
  type TotpAlreadyActive,
  type TotpNotEnrolled,
} from "../../domain/credentials.ts";
import { User, type UserNotFound, type EmailUnverified } from "../../domain/user.ts";
import { UserId } from "../../domain/user-id.ts";
import { whileSignedIn, mayActNow, ownCredentials, type SignInTooOld } from "./own-credentials.ts";
import type { IdentityScope } from "../ports.ts";
import type { SecondFactors } from "../sessions/sign-in.ts";

export const EnrolTotp = shape({ userId: UserId });
export type EnrolTotp = Infer<typeof EnrolTotp>;

export const ActivateTotp = shape({ userId: UserId, code: Code });
export type ActivateTotp = Infer<typeof ActivateTotp>;

export const RemoveTotp = shape({ userId: UserId });
export type RemoveTotp = Infer<typeof RemoveTotp>;

type Deps = SecondFactors & {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};
type Refused = Forbidden | SignInTooOld | Conflict;
type Enrolled = { readonly secret: string; readonly uri: string };

/** Makes the secret for an authenticator app. It counts once a code of it was shown. */
export function enrolTotp(deps: Deps) {
  const { sealing, totpCodes, clock } = deps;
  return async (
    { userId }: EnrolTotp,
    context: Context,
  ): Promise<Result<Enrolled, UserNotFound | EmailUnverified | TotpAlreadyActive | Refused>> => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;

    const enrolled = await whileSignedIn(deps)(
      context,
      async ({ users, credentials }) => {
        const user = User.verified(await users.byId(userId));
        if (!user.ok) return user;
        const sealed = sealing.seal(totpCodes.newSecret(), userId);
        const change = Credentials.enrolTotp(await credentials.byUser(userId), sealed);
        if (!change.ok) return change;
        credentials.save(change.value);
        return ok({ sealed, email: user.value.email });
      },
      { lock: [userId] },
    );
    if (!enrolled.ok) return enrolled;
    const secret = sealing.open(enrolled.value.sealed, userId);
    return ok({ secret, uri: totpCodes.uriOf(secret, enrolled.value.email) });
  };
}

/** Asks for the second factor from now on. Answers recovery codes, which are shown only here. */
export function activateTotp(deps: Deps) {
  const { sealing, totpCodes, recoveryCodes, clock } = deps;
  return async (
    { userId, code }: ActivateTotp,
    context: Context,
  ): Promise<
    Result<readonly string[], TotpNotEnrolled | TotpAlreadyActive | CodeRefused | Refused>
  > => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;

    const activated = await whileSignedIn(deps)(
      context,
      async ({ credentials }) => {
        const current = await credentials.byUser(userId);
        if (!current.totp) return err({ type: "totp-not-enrolled" });
        const secret = sealing.open(current.totp.secret, userId);
        const step = totpCodes.stepOf(secret, code, clock.now());
        if (step === undefined) return err({ type: "code-refused" });

        const codes = recoveryCodes.make();
        const change = Credentials.activateTotp(current, step, codes.map(recoveryCodes.hashOf));
        if (!change.ok) return change;
        credentials.save(change.value);
        return ok(sealing.seal(codes.join(" "), userId)); // the answer may be stored for a retry
      },
      { lock: [userId] },
    );
    return activated.ok ? ok(sealing.open(activated.value, userId).split(" ")) : activated;
  };
}

/** Removes the second factor. Administrators may do it for users who lost their device. */
export function removeTotp(deps: Deps) {
  return async (
    { userId }: RemoveTotp,
    context: Context,
  ): Promise<Result<void, TotpNotEnrolled | Refused>> => {
    const allowed = await mayActNow(deps, context, Permissions.changeCredentials, {
      owner: userId,
    });
    if (!allowed.ok) return allowed;

    return whileSignedIn(deps)(
      context,
      async ({ credentials }) => {
        const change = Credentials.removeTotp(await credentials.byUser(userId));
        if (!change.ok) return change;
        credentials.save(change.value);
        return ok(undefined);
      },
      { lock: [userId] },
    );
  };
}
