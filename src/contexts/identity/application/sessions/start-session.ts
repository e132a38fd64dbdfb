import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import type { Factor } from "../../domain/factor.ts";
import { SessionId } from "../../domain/ids.ts";
import { Session, type LiveSession, type SessionLimits } from "../../domain/session.ts";
import type { UserId } from "../../domain/user-id.ts";
import type { AccessTokens, Sessions, Tokens } from "../ports.ts";
import { RefreshToken } from "../tokens.ts";

/** With one more, the least recently started ends. */
const maxSessions = 50;

/** The tokens of a new session. */
export type SignedIn = {
  readonly session: LiveSession;
  readonly accessToken: string;
  readonly accessTokenExpiresAt: Instant;
  readonly refreshToken: string;
  readonly refreshTokenExpiresAt: Instant;
};

const nowhere = { address: "", agent: "" };

/**
 * A repeated request is decided anew: its first answer might be of a session that has ended since.
 * Refresh tokens have their own grace.
 */
export function asAskedNow(context: Context): Context {
  const { idempotency: _key, ...asked } = context;
  return asked;
}

/** Ends the oldest sessions where one more would be too many. */
export async function makeRoom(sessions: Sessions, userId: UserId, at: Instant): Promise<void> {
  for (const oldest of (await sessions.ofUser(userId)).slice(maxSessions - 1))
    sessions.save(Session.end(oldest, at, "too-many-sessions"));
}

export function startSession(
  { sessions }: { readonly sessions: Sessions },
  { clock, newId }: { readonly clock: Clock; readonly newId: NewId },
  { origin }: Context,
  { userId, factors }: { readonly userId: UserId; readonly factors: readonly Factor[] },
): LiveSession {
  const device = origin ?? nowhere;
  const id = newId(SessionId);
  return sessions.save(Session.start({ id, userId, factors, device, at: clock.now() }));
}

/** Tokens are made after the commit: they are nowhere stored, and made anew for the same session. */
export function tokensOf({
  accessTokens,
  tokens,
  sessionLimits,
}: {
  readonly accessTokens: AccessTokens;
  readonly tokens: Tokens;
  readonly sessionLimits: SessionLimits;
}) {
  return async (session: LiveSession): Promise<SignedIn> => {
    const { token: accessToken, expiresAt } = await accessTokens.issue(session);
    const { id: sessionId, generation } = session;
    return {
      session,
      accessToken,
      accessTokenExpiresAt: expiresAt,
      refreshToken: tokens.issue(RefreshToken, { sessionId, generation }),
      refreshTokenExpiresAt: Session.endsAt(session, sessionLimits),
    };
  };
}
