import type { Context, Principal } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { ApiKey } from "../../domain/api-key.ts";
import { Session, type SessionLimits } from "../../domain/session.ts";
import type { AccessTokens, IdentityScope, Tokens } from "../ports.ts";
import { ApiKeyToken } from "../tokens.ts";

/** The principal of a credential, and how long the answer is valid. */
export type Authenticated = {
  readonly principal: Principal;
  readonly until: Instant;
  /** Ids of the rows that it was read from, or names of all of a kind. A change of any of them invalidates it. */
  readonly toldFrom: readonly string[];
};

type Deps = {
  readonly read: Read<IdentityScope>;
  readonly accessTokens: AccessTokens;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly sessionLimits: SessionLimits;
};

const withinMs = 5_000;
/** The subject of changes to the keys that sign access tokens: one may be revoked. */
export const signingKeys = "signing-keys";

/** Authenticates an access token or an API key; undefined for anything else. */
export function authenticate({ read, accessTokens, tokens, clock, sessionLimits }: Deps) {
  const contextNow = (): Context => ({
    actor: "system",
    correlationId: "authenticate",
    deadlineMs: clock.unixMs() + withinMs,
  });

  async function byApiKey(credential: string): Promise<Authenticated | undefined> {
    const claims = tokens.read(ApiKeyToken, credential);
    if (!claims) return undefined;
    return read(contextNow(), async ({ apiKeys, users }) => {
      const key = await apiKeys.byId(claims.keyId);
      if (!ApiKey.isLive(key, clock.now())) return undefined;
      const user = await users.byId(key.userId);
      if (user?.status !== "active") return undefined;
      return {
        principal: { actor: user.id, credential: key.id, scopes: key.scopes },
        until: key.expiresAt,
        toldFrom: [key.id, user.id],
      };
    });
  }

  async function byAccessToken(credential: string): Promise<Authenticated | undefined> {
    const claims = await accessTokens.read(credential);
    if (!claims) return undefined;
    return read(contextNow(), async ({ sessions, users }) => {
      const session = await sessions.byId(claims.sessionId);
      if (!Session.isLive(session, clock.now(), sessionLimits)) return undefined;
      const user = await users.byId(session.userId);
      if (user?.status !== "active") return undefined;
      const signedInAtMs = Instant.toUnixMs(session.startedAt);
      const over = Session.endsAt(session, sessionLimits);
      return {
        principal: { actor: user.id, credential: session.id, signedInAtMs },
        until: claims.expiresAt < over ? claims.expiresAt : over,
        toldFrom: [session.id, user.id, signingKeys],
      };
    });
  }

  return async (credential: string): Promise<Authenticated | undefined> =>
    (await byApiKey(credential)) ?? byAccessToken(credential);
}
