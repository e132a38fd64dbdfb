import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { Session, type LiveSession, type SessionLimits } from "../../domain/session.ts";
import { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";

export const ListSessions = shape({ userId: UserId });
export type ListSessions = Infer<typeof ListSessions>;

export type ListedSession = LiveSession & { readonly isCurrent: boolean };

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly sessionLimits: SessionLimits;
};

/** Where a user is signed in now, the newest session first. */
export function listSessions({ read, mayAct, clock, sessionLimits }: Deps) {
  return async (
    { userId }: ListSessions,
    context: Context,
  ): Promise<Result<readonly ListedSession[], Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readSessions, { owner: userId });
    if (!allowed.ok) return allowed;

    const sessions = await read(context, (scope) => scope.sessions.ofUser(userId));
    const live = sessions.filter((session) => Session.isLive(session, clock.now(), sessionLimits));
    return ok(
      live.map((session) => ({ ...session, isCurrent: session.id === context.credential })),
    );
  };
}
