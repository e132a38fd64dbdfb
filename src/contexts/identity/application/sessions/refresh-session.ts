import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Session, type SessionLimits } from "../../domain/session.ts";
import type { AccessTokens, IdentityScope, Tokens } from "../ports.ts";
import { asAskedNow, tokensOf, type SignedIn } from "./start-session.ts";
import { RefreshToken, Token } from "../tokens.ts";

export const RefreshSession = shape({ refreshToken: Token });
export type RefreshSession = Infer<typeof RefreshSession>;

/** Ended, expired, or never begun: sign in again. */
export type SessionOver = { readonly type: "session-over" };
/** The token was exchanged before and may be stolen; its session was ended. */
export type RefreshTokenReused = { readonly type: "refresh-token-reused" };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly accessTokens: AccessTokens;
  readonly tokens: Tokens;
  readonly sessionLimits: SessionLimits;
  readonly clock: Clock;
};
type Outcome = Result<SignedIn, SessionOver | RefreshTokenReused | Conflict>;

/** Exchanges a refresh token for the next one and a new access token. */
export function refreshSession(deps: Deps) {
  const { unitOfWork, tokens, sessionLimits, clock } = deps;
  return async ({ refreshToken }: RefreshSession, context: Context): Promise<Outcome> => {
    const claims = tokens.read(RefreshToken, refreshToken);
    if (!claims) return err({ type: "session-over" });
    const { sessionId, generation } = claims;

    const asked = { ...asAskedNow(context), credential: sessionId };
    const refreshed = await unitOfWork(asked, async ({ sessions, users }) => {
      const session = await sessions.byId(sessionId);
      const user = session && (await users.byId(session.userId));
      if (!session || user?.status !== "active") return err({ type: "session-over" });

      const at = clock.now();
      const next = Session.refresh(session, { generation, at }, sessionLimits);
      if (next.kind === "over") return err({ type: "session-over" });
      return ok(sessions.save<Session>(next.change));
    });
    if (!refreshed.ok) return refreshed;
    const session = refreshed.value;
    if (session.status === "ended") return err({ type: "refresh-token-reused" });
    return ok(await tokensOf(deps)(session));
  };
}
