import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { UserId } from "../../domain/user-id.ts";

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
