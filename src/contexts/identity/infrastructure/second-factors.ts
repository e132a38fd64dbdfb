import { createHash, randomInt } from "node:crypto";
import { Secret, TOTP } from "otpauth";
import { Instant } from "#kernel/instant.ts";
import type { RecoveryCodes, TotpCodes } from "../application/ports.ts";
import type { Code, CodeHash } from "../domain/credentials.ts";

const periodS = 30;
const secretBytes = 20;
/** How many steps a clock may be off. */
const window = 1;

/** The parameters that authenticator apps expect. Source: RFC 6238; Google's key URI format. */
export function otpauthCodes(issuer: string): TotpCodes {
  const totp = (secret: string, label = "") =>
    new TOTP({ issuer, label, secret: Secret.fromBase32(secret), period: periodS });
  return {
    newSecret: () => new Secret({ size: secretBytes }).base32,
    uriOf: (secret, account) => totp(secret, account).toString(),
    stepOf(secret, code, at) {
      if (!/^\d{6}$/.test(code)) return undefined;
      const timestamp = Instant.toUnixMs(at);
      const delta = totp(secret).validate({ token: code, timestamp, window });
      return delta === null ? undefined : Math.floor(timestamp / 1_000 / periodS) + delta;
    },
  };
}

const alphabet = "abcdefghjkmnpqrstvwxyz0123456789";
const codes = 10;
const groups = 5;
const groupLength = 5;

/** 125 random bits each, so that a fast hash keeps them. Source: OWASP ASVS 5.0, 6.5.2. */
export const randomRecoveryCodes: RecoveryCodes = {
  make: () =>
    Array.from({ length: codes }, () =>
      Array.from({ length: groups }, () =>
        Array.from({ length: groupLength }, () => alphabet[randomInt(alphabet.length)]).join(""),
      ).join("-"),
    ) as unknown as readonly Code[],
  hashOf: (code) => createHash("sha256").update(code).digest("base64url") as CodeHash,
};
