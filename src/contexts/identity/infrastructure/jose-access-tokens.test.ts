import assert from "node:assert/strict";
import { createHmac, createPublicKey } from "node:crypto";
import { describe, test } from "node:test";
import { exportJWK, generateKeyPair, importJWK, SignJWT, type CryptoKey } from "jose";
import { identityOn, memorySubject, minuteMs, origin } from "../testing/fixtures.ts";
import { joseAccessTokens } from "./jose-access-tokens.ts";

type Json = Readonly<Record<string, unknown>>;
const spell = (part: Json) => Buffer.from(JSON.stringify(part)).toString("base64url");
const partOf = (token: string, index: number) =>
  JSON.parse(Buffer.from(token.split(".")[index] ?? "", "base64url").toString()) as Json;

/** A house with somebody signed in, and what a forger would know. */
async function given() {
  const house = await identityOn(memorySubject);
  const { tokens } = await house.signedUp("ada@example.com");
  const token = tokens.accessToken;
  const [header, payload] = [partOf(token, 0), partOf(token, 1)];
  const { keys } = await house.keys.jwks();
  const [publicJwk] = keys;
  assert.ok(publicJwk);
  const isAccepted = async (forged: string) => (await house.whoIs(forged)) !== undefined;
  /** Signed with the true key: what only a leak of another use of it would allow. */
  const signed = async (changes: Json, headerChanges: Json = {}) => {
    const { key } = await house.keys.current();
    return new SignJWT({ ...payload, ...changes })
      .setProtectedHeader({ ...header, ...headerChanges, alg: "EdDSA" })
      .sign(key);
  };
  return { house, token, header, payload, publicJwk, isAccepted, signed };
}

describe("access tokens", () => {
  test("a token has subject, audience, expiry and key id", async () => {
    const { house, token, header, payload } = await given();
    assert.deepEqual([header["alg"], header["typ"]], ["EdDSA", "at+jwt"]);
    assert.equal(header["kid"], (await house.keys.current()).id);
    assert.deepEqual([payload["iss"], payload["aud"]], [origin, "basalt"]);
    assert.equal(Number(payload["exp"]) - Number(payload["iat"]), 600);
    assert.ok(await house.whoIs(token));
  });

  test("a token without a signature, or signed with the public key as a secret, is refused", async () => {
    const { header, payload, publicJwk, isAccepted } = await given();
    const body = spell(payload);
    for (const alg of ["none", "None", "NONE", ""])
      for (const signature of ["", "x"])
        assert.equal(await isAccepted(`${spell({ ...header, alg })}.${body}.${signature}`), false);

    const pem = createPublicKey({ key: publicJwk, format: "jwk" });
    const secrets = [
      pem.export({ type: "spki", format: "pem" }),
      pem.export({ type: "spki", format: "der" }),
      Buffer.from(publicJwk.x ?? "", "base64url"),
      JSON.stringify(publicJwk),
    ];
    for (const secret of secrets) {
      const text = `${spell({ ...header, alg: "HS256" })}.${body}`;
      const mac = createHmac("sha256", secret).update(text).digest("base64url");
      assert.equal(await isAccepted(`${text}.${mac}`), false);
    }
  });

  test("a token that brings its own key, or names one that is not ours, is refused", async () => {
    const { header, payload, isAccepted } = await given();
    const pair = await generateKeyPair("EdDSA", { extractable: true });
    const jwk = await exportJWK(pair.publicKey);
    const forge = (changes: Json, key: CryptoKey = pair.privateKey, alg = "EdDSA") =>
      new SignJWT({ ...payload }).setProtectedHeader({ ...header, ...changes, alg }).sign(key);
    for (const changes of [
      {},
      { kid: "unknown" },
      { kid: undefined },
      { kid: "../../etc/passwd" },
      { kid: "' or 1=1 --" },
      { jwk },
      { jku: "http://127.0.0.1/jwks.json" },
      { x5u: "http://127.0.0.1/cert.pem" },
      { crit: ["b64"], b64: true },
    ])
      assert.equal(await isAccepted(await forge(changes)), false, JSON.stringify(changes));
    const rsa = await generateKeyPair("RS256");
    assert.equal(await isAccepted(await forge({}, rsa.privateKey, "RS256")), false);
  });

  test("a token of another type, audience, issuer or time, or without a session, is refused", async () => {
    const { house, payload, isAccepted, signed } = await given();
    const nowS = Math.floor(house.clock.unixMs() / 1_000);
    const wrong: readonly (readonly [Json, Json?])[] = [
      [{ aud: "another-service" }],
      [{ aud: [] }],
      [{ iss: "https://evil.example" }],
      [{ exp: nowS - 6 }],
      [{ exp: undefined }],
      [{ nbf: nowS + 60 }],
      [{ sid: undefined }],
      [{ sid: "session_00000000000000000000000000" }],
      [{ sid: "x' or '1'='1" }],
      [{}, { typ: "JWT" }],
      [{}, { typ: "id+jwt" }],
      [{}, { typ: undefined }],
    ];
    for (const [claims, header] of wrong)
      assert.equal(
        await isAccepted(await signed(claims, header)),
        false,
        JSON.stringify([claims, header]),
      );
    assert.equal(
      await isAccepted(await signed(payload)),
      true,
      "else nothing above shows anything",
    );
  });

  test("a token that was changed anywhere is refused", async () => {
    const { token, isAccepted } = await given();
    for (let i = 0; i < token.length; i += 7) {
      const other = token[i] === "A" ? "B" : "A";
      assert.equal(await isAccepted(token.slice(0, i) + other + token.slice(i + 1)), false);
    }
    for (const garbage of ["", ".", "..", "...", "a.b.c", `${token}.`, `${token} `, "\u0000"])
      assert.equal(await isAccepted(garbage), false);
  });

  test("the public halves verify a token elsewhere, and hold nothing private", async () => {
    const { house, token, publicJwk } = await given();
    assert.deepEqual(Object.keys(publicJwk).toSorted(), ["alg", "crv", "kid", "kty", "use", "x"]);
    const key = (await importJWK(publicJwk, "EdDSA")) as CryptoKey;
    const keys = { ...house.keys, verifying: async () => key };
    const elsewhere = joseAccessTokens({
      keys,
      clock: house.clock,
      issuer: origin,
      audience: "basalt",
    });
    assert.ok(await elsewhere.read(token));
    house.clock.advance(11 * minuteMs);
    assert.equal(await elsewhere.read(token), undefined);
  });
});
