import { errors, jwtVerify, SignJWT } from "jose";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { AccessTokens } from "../application/ports.ts";
import { SessionId } from "../domain/ids.ts";
import { algorithms, type SigningKeys } from "./signing-keys.ts";

/** Short, since other services that verify it by itself do not hear of its session's end. */
const lifeS = 600;
/** How far clocks of machines may be apart. */
const skewS = 5;
const typ = "at+jwt";

export type TokenParties = { readonly issuer: string; readonly audience: string };

/** JWTs. Source: RFC 9068, RFC 8725 (one algorithm for each key, explicit type, audience). */
export function joseAccessTokens({
  keys,
  clock,
  issuer,
  audience,
}: TokenParties & { readonly keys: SigningKeys; readonly clock: Clock }): AccessTokens {
  const options = {
    issuer,
    audience,
    typ,
    algorithms: [...algorithms],
    clockTolerance: skewS,
    requiredClaims: ["sub", "sid", "iat", "exp"],
  };
  const keyOf = async ({ kid }: { readonly kid?: string }) => {
    const key = kid === undefined ? undefined : await keys.verifying(kid);
    if (!key) throw new errors.JWKSNoMatchingKey();
    return key;
  };

  return {
    async issue({ id, userId, startedAt }) {
      const { id: kid, algorithm: alg, key } = await keys.current();
      const now = Math.floor(clock.unixMs() / 1_000);
      const token = await new SignJWT({
        sid: id,
        auth_time: Math.floor(Instant.toUnixMs(startedAt) / 1_000),
      })
        .setProtectedHeader({ alg, typ, kid })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(userId)
        .setJti(crypto.randomUUID())
        .setIssuedAt(now)
        .setExpirationTime(now + lifeS)
        .sign(key);
      return { token, expiresAt: Instant.fromUnixMs((now + lifeS) * 1_000) };
    },

    async read(token) {
      if (!isCanonical(token)) return undefined;
      try {
        const currentDate = new Date(clock.unixMs());
        const { payload } = await jwtVerify(token, keyOf, { ...options, currentDate });
        const sessionId = SessionId.parse(payload["sid"]);
        if (!sessionId.ok || payload.exp === undefined) return undefined;
        return { sessionId: sessionId.value, expiresAt: Instant.fromUnixMs(payload.exp * 1_000) };
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined;
        throw error;
      }
    },
  };
}

/** Base64 has unused bits at its end: only the one spelling of a signature is a token. */
function isCanonical(token: string): boolean {
  const signature = token.slice(token.lastIndexOf(".") + 1);
  return Buffer.from(signature, "base64url").toString("base64url") === signature;
}
