import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Err, type Result } from "#kernel/result.ts";
import type { Conflict, LockOptions, UnitOfWork } from "#kernel/unit-of-work.ts";
import { SessionId } from "../../domain/ids.ts";
import type { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";

/** The actor must have signed in recently, which an API key never has. */
export type SignInTooOld = { readonly type: "sign-in-too-old" };

/** How recent a sign-in must be for a change of credentials. Source: ASVS 5.0, 7.5.1. */
const recentMs = 15 * 60_000;

function justSignedIn({ signedInAtMs }: Context, clock: Clock): Result<void, SignInTooOld> {
  const isRecent = signedInAtMs !== undefined && clock.unixMs() - signedInAtMs < recentMs;
  return isRecent ? ok(undefined) : err({ type: "sign-in-too-old" });
}

/** The actor has a permission, and has just signed in. */
export async function mayActNow(
  { mayAct, clock }: { readonly mayAct: MayAct; readonly clock: Clock },
  ...[context, ...asked]: Parameters<MayAct>
): Promise<Result<void, Forbidden | SignInTooOld>> {
  const allowed = await mayAct(context, ...asked);
  return allowed.ok ? justSignedIn(context, clock) : allowed;
}

/**
 * Only for the owner, just signed in: who could add to somebody's credentials, an administrator too,
 * could act in their name.
 */
export function ownCredentials(
  context: Context,
  userId: UserId,
  clock: Clock,
): Result<void, Forbidden | SignInTooOld> {
  if (context.actor !== userId)
    return err({ type: "forbidden", permission: Permissions.changeCredentials });
  return justSignedIn(context, clock);
}

/**
 * A unit of work that a session asks for, while that lives: what was sent before a reset or a sign-out must not be done after it. A work that a
 * reset takes back locks the user, as the reset does. The system asks without a session.
 */
export const whileSignedIn =
  ({ unitOfWork }: { readonly unitOfWork: UnitOfWork<IdentityScope> }) =>
  <R extends Result<unknown, unknown>>(
    context: Context,
    work: (scope: IdentityScope) => Promise<R>,
    options?: LockOptions,
  ): Promise<R | Err<SignInTooOld> | Err<Conflict>> =>
    unitOfWork(
      context,
      async (scope): Promise<R | Err<SignInTooOld>> =>
        (await isSignedIn(scope, context)) ? work(scope) : err({ type: "sign-in-too-old" }),
      options,
    );

async function isSignedIn(
  { sessions }: Pick<IdentityScope, "sessions">,
  { credential }: Context,
): Promise<boolean> {
  if (credential === undefined) return true;
  const sessionId = SessionId.parse(credential);
  return sessionId.ok && (await sessions.byId(sessionId.value))?.status === "live";
}
