import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { SessionId } from "../../domain/ids.ts";
import { Session } from "../../domain/session.ts";
import { UserId } from "../../domain/user-id.ts";
import type { IdentityScope } from "../ports.ts";
import { endAll } from "../revocation.ts";

export const EndSession = shape({ sessionId: SessionId });

export type EndSession = Infer<typeof EndSession>;

export const EndSessions = shape({ userId: UserId });

export type EndSessions = Infer<typeof EndSessions>;

export type SessionNotFound = { readonly type: "session-not-found" };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Signs out on one device. Its tokens are refused from the next request on. */
export function endSession({ unitOfWork, mayAct, clock }: Deps) {
  return (
    { sessionId }: EndSession,
    context: Context,
  ): Promise<Result<void, SessionNotFound | Forbidden | Conflict>> =>
    unitOfWork(context, async ({ sessions }) => {
      const session = await sessions.byId(sessionId);
      const owned = session && { owner: session.userId };
      const allowed = await mayAct(context, Permissions.endSessions, owned);
      if (!allowed.ok) return allowed;
      if (session?.status !== "live") return err({ type: "session-not-found" });

      sessions.save(Session.end(session, clock.now(), "signed-out"));
      return ok(undefined);
    });
}

/** Signs out everywhere, here too. */
export function endSessions({ unitOfWork, mayAct, clock }: Deps) {
  return async (
    { userId }: EndSessions,
    context: Context,
  ): Promise<Result<void, Forbidden | Conflict>> => {
    const allowed = await mayAct(context, Permissions.endSessions, { owner: userId });
    if (!allowed.ok) return allowed;

    return unitOfWork(
      context,
      async ({ sessions }) => {
        await endAll(sessions, userId, { at: clock.now(), why: "signed-out" });
        return ok(undefined);
      },
      { lock: [userId] },
    );
  };
}
