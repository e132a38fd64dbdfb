import { createHash, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { isoCBOR } from "@simplewebauthn/server/helpers";

const userPresent = 0x01;
const userVerified = 0x04;
const hasKey = 0x40;
const es256 = -7;

const sha256 = (data: string | Uint8Array) => createHash("sha256").update(data).digest();
const base64url = (data: string | Uint8Array) => Buffer.from(data).toString("base64url");

type Options = { readonly challenge: string };
type Changes = { readonly origin?: string; readonly flags?: number; readonly type?: string };

/** The id and the public key of a new passkey, as an attestation holds them: EC2, ES256, P-256. */
function attestedKey(id: Buffer, publicKey: KeyObject) {
  const { x = "", y = "" } = publicKey.export({ format: "jwk" });
  const coordinate = (text: string) => new Uint8Array(Buffer.from(text, "base64url"));
  const cose = new Map<number, number | Uint8Array>([
    [1, 2],
    [3, es256],
    [-1, 1],
    [-2, coordinate(x)],
    [-3, coordinate(y)],
  ]);
  const aaguid = Buffer.alloc(16);
  const length = Buffer.of(0, id.length);
  return Buffer.concat([aaguid, length, id, isoCBOR.encode(cose)]);
}

/** An authenticator in software, for one relying party. Source: WebAuthn level 3, 6.1. */
export function softwareAuthenticator(origin: string) {
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const id = randomBytes(16);
  const rpIdHash = sha256(new URL(origin).hostname);
  let counter = 0;
  let userHandle = "";

  const authenticatorData = (flags: number, key = new Uint8Array()) => {
    counter += 1;
    const count = Buffer.alloc(4);
    count.writeUInt32BE(counter);
    return Buffer.concat([rpIdHash, Buffer.of(flags), count, key]);
  };
  const clientData = (type: string, challenge: string, { origin: from = origin }: Changes) =>
    Buffer.from(JSON.stringify({ type, challenge, origin: from, crossOrigin: false }));
  const credential = (response: Readonly<Record<string, unknown>>) => ({
    id: base64url(id),
    rawId: base64url(id),
    type: "public-key",
    clientExtensionResults: {},
    response,
  });

  return {
    id: base64url(id),
    /** What `navigator.credentials.create` would give. */
    create(options: Options & { readonly user: { readonly id: string } }, changes: Changes = {}) {
      userHandle = options.user.id;
      const flags = changes.flags ?? userPresent | userVerified | hasKey;
      const authData = new Uint8Array(authenticatorData(flags, attestedKey(id, publicKey)));
      const attestation = new Map<string, unknown>([
        ["fmt", "none"],
        ["attStmt", new Map()],
        ["authData", authData],
      ]);
      const client = clientData(changes.type ?? "webauthn.create", options.challenge, changes);
      return credential({
        clientDataJSON: base64url(client),
        attestationObject: base64url(isoCBOR.encode(attestation as never)),
        transports: ["internal"],
      });
    },
    /** What `navigator.credentials.get` would give. */
    get(options: Options, changes: Changes = {}) {
      const authData = authenticatorData(changes.flags ?? userPresent | userVerified);
      const client = clientData(changes.type ?? "webauthn.get", options.challenge, changes);
      const signature = sign("sha256", Buffer.concat([authData, sha256(client)]), privateKey);
      return credential({
        clientDataJSON: base64url(client),
        authenticatorData: base64url(authData),
        signature: base64url(signature),
        userHandle,
      });
    },
  };
}
