import type { Secrets } from "#platform/secrets/secrets.ts";
import type { Sealing, Tokens } from "../application/ports.ts";
import type { Sealed } from "../domain/credentials.ts";

const prefix = "basalt_";

/** `basalt_<purpose>.<claims>.<signature>`, so that garbage is refused without a question to the database. */
export const signedTokens = (secrets: Secrets): Tokens => ({
  issue({ purpose }, claims) {
    const text = Buffer.from(JSON.stringify(claims)).toString("base64url");
    return `${prefix}${purpose}.${text}.${secrets.sign(text, `token:${purpose}`)}`;
  },
  read({ purpose, claims }, token) {
    const [kind, text, signature, ...more] = token.split(".");
    if (kind !== prefix + purpose || !text || !signature || more.length > 0) return undefined;
    if (!secrets.isSigned(text, signature, `token:${purpose}`)) return undefined;
    const parsed = claims.parse(JSON.parse(Buffer.from(text, "base64url").toString("utf8")));
    return parsed.ok ? parsed.value : undefined;
  },
});

/** Under the master key, bound to its owner. */
export const sealing = (secrets: Secrets): Sealing => ({
  seal: (plain, owner) => secrets.seal(plain, "credentials", owner) as Sealed,
  open: (sealed, owner) => secrets.open(sealed, "credentials", owner),
});
