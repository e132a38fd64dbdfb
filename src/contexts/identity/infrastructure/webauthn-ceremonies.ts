import type { AuthenticationResponseJSON, RegistrationResponseJSON } from "@simplewebauthn/server";
import type { PasskeyCeremonies } from "../application/ports.ts";
import { ceremonyMs } from "../application/tokens.ts";

/** In base64url: 1 023 bytes, as WebAuthn allows. */
const maxIdLength = 1_364;
const maxKeyBytes = 4_096;
const knownTransports: ReadonlySet<string> = new Set([
  "ble",
  "cable",
  "hybrid",
  "internal",
  "nfc",
  "smart-card",
  "usb",
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

const partOf = (response: Json): Json => response["response"] as Json;

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
  const domain = new URL(home).hostname;
  const expected = { expectedOrigin: [...origins], expectedRPID: domain };
  return {
    challengeOf,
    assertionOf,
    ...additions({ name, domain, expected }),
    ...signIns({ domain, expected }),
  };
}

type Ceremony = {
  readonly domain: string;
  readonly expected: { readonly expectedOrigin: string[]; readonly expectedRPID: string };
};

const additions = ({
  name,
  domain,
  expected,
}: Ceremony & { readonly name: string }): Pick<
  PasskeyCeremonies,
  "additionOptions" | "verifyAddition"
> => ({
  async additionOptions({ user, challenge, known }) {
    const { generateRegistrationOptions } = await webauthn();
    const options: object = await generateRegistrationOptions({
      rpName: name,
      rpID: domain,
      challenge,
      timeout: ceremonyMs,
      userID: bytes(user.id),
      userName: user.email,
      userDisplayName: user.name,
      authenticatorSelection: { residentKey: "required", userVerification: "required" },
      excludeCredentials: known.map(({ id, transports }) => ({
        id,
        transports: [...transports],
      })),
    });
    return options as Json;
  },
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
});

const signIns = ({
  domain,
  expected,
}: Ceremony): Pick<PasskeyCeremonies, "signInOptions" | "verifySignIn"> => ({
  async signInOptions(challenge) {
    const { generateAuthenticationOptions } = await webauthn();
    const options: object = await generateAuthenticationOptions({
      rpID: domain,
      challenge,
      timeout: ceremonyMs,
      userVerification: "required",
    });
    return options as Json;
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
});

function assertionOf(response: Json) {
  const { id: passkeyId } = response;
  const userHandle = decoded(partOf(response)["userHandle"]);
  const challenge = challengeOf(response);
  if (typeof passkeyId !== "string" || userHandle === undefined || challenge === undefined)
    return undefined;
  return { passkeyId, userHandle, challenge };
}
