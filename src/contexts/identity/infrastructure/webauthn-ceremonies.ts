import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import type { PasskeyCeremonies } from "../application/ports.ts";
import { ceremonyMs } from "../application/tokens.ts";

/** In base64url: 1 023 bytes, as WebAuthn allows. */
const maxIdLength = 1_364;
const maxKeyBytes = 4_096;
const knownTransports: ReadonlySet<string> = new Set([
  ...["ble", "cable", "hybrid", "internal", "nfc", "smart-card", "usb"],
]);

/** Some 20 MiB, loaded with the first ceremony: many servers never see one. */
const webauthn = () => import("@simplewebauthn/server");

type Json = { readonly [field: string]: unknown };

/** `origins`: of the pages that may ask; the first one's host is what passkeys belong to. */
export type RelyingParty = { readonly name: string; readonly origins: readonly string[] };

const bytes = (text: string) => new Uint8Array(Buffer.from(text));
const spelt = (challenge: string) => Buffer.from(challenge).toString("base64url");
const decoded = (text: unknown): string | undefined =>
  typeof text === "string" ? Buffer.from(text, "base64url").toString("utf8") : undefined;

const partOf = (response: Json): Json =>
  typeof response["response"] === "object" ? (response["response"] as Json) : {};

function challengeOf(response: Json): string | undefined {
  try {
    const client = JSON.parse(decoded(partOf(response)["clientDataJSON"]) ?? "null") as Json | null;
    return decoded(client?.["challenge"]);
  } catch {
    return undefined;
  }
}

/** Undefined where the library finds anything wrong; it throws for garbage and for forgeries. */
async function orRefused<T>(verify: () => Promise<T>): Promise<T | undefined> {
  try {
    return await verify();
  } catch {
    return undefined;
  }
}

/** WebAuthn, with user verification: a passkey is two factors in one. */
export function webauthnCeremonies({ name, origins }: RelyingParty): PasskeyCeremonies {
  const [home = "http://localhost"] = origins;
  const rpID = new URL(home).hostname;
  const expected = { expectedOrigin: [...origins], expectedRPID: rpID };
  const asJson = (options: object) => options as Json;

  return {
    additionOptions: async ({ user, challenge, known }) =>
      asJson(
        await (
          await webauthn()
        ).generateRegistrationOptions({
          ...{ rpName: name, rpID, challenge, timeout: ceremonyMs },
          ...{ userID: bytes(user.id), userName: user.email, userDisplayName: user.name },
          authenticatorSelection: { residentKey: "required", userVerification: "required" },
          excludeCredentials: known.map(({ id, transports }) => ({
            id,
            transports: [...transports],
          })),
        }),
      ),
    challengeOf,
    verifyAddition: (response, challenge) =>
      orRefused(async () => {
        const { verifyRegistrationResponse } = await webauthn();
        const { verified, registrationInfo } = await verifyRegistrationResponse({
          ...expected,
          response: response as unknown as RegistrationResponseJSON,
          expectedChallenge: spelt(challenge),
        });
        if (!verified) return undefined;
        const { id, publicKey, counter, transports = [] } = registrationInfo.credential;
        if (id.length > maxIdLength || publicKey.length > maxKeyBytes) return undefined;
        const text = Buffer.from(publicKey).toString("base64url");
        const known = transports.filter((transport) => knownTransports.has(transport));
        return { id, publicKey: text, counter, transports: [...new Set<string>(known)] };
      }),
    signInOptions: async (challenge) =>
      asJson(
        await (
          await webauthn()
        ).generateAuthenticationOptions({
          ...{ rpID, challenge, timeout: ceremonyMs, userVerification: "required" },
        }),
      ),
    assertionOf(response) {
      const { id: passkeyId } = response;
      const userHandle = decoded(partOf(response)["userHandle"]);
      const challenge = challengeOf(response);
      if (typeof passkeyId !== "string" || userHandle === undefined || challenge === undefined)
        return undefined;
      return { passkeyId, userHandle, challenge };
    },
    verifySignIn: (response, challenge, { id, publicKey, counter }) =>
      orRefused(async () => {
        const { verifyAuthenticationResponse } = await webauthn();
        const { verified, authenticationInfo } = await verifyAuthenticationResponse({
          ...expected,
          response: response as unknown as AuthenticationResponseJSON,
          expectedChallenge: spelt(challenge),
          credential: {
            id,
            counter,
            publicKey: new Uint8Array(Buffer.from(publicKey, "base64url")),
          },
        });
        return verified ? { counter: authenticationInfo.newCounter } : undefined;
      }),
  };
}
