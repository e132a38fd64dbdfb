import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import type { Coherence } from "#platform/cache/coherence.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Secrets } from "#platform/secrets/secrets.ts";

/** A key pair as it is stored: the private half sealed. */
export type StoredKey = {
  readonly id: string;
  readonly publicJwk: JWK;
  readonly privateJwk: string;
};

type Adding = "unless there is one" | "revoking all others";

/** Where key pairs are kept. The first of all is the one that signs. */
export type KeyStore = {
  readonly all: () => Promise<readonly StoredKey[]>;
  /** Makes this the one that signs. */
  readonly add: (key: StoredKey, how?: Adding) => Promise<void>;
};

type Row = { readonly id: string; readonly public_jwk: JWK; readonly private_jwk: string };

const all = statement<Row>(
  "identity.signing-keys",
  `select id, public_jwk, private_jwk from identity.signing_keys
    order by replaced_at desc nulls first`,
);
const insert = statement(
  "identity.signing-key-insert",
  `insert into identity.signing_keys (id, public_jwk, private_jwk, created_at)
   values ($1, $2, $3, now()) on conflict do nothing`,
);
const replace = statement(
  "identity.signing-keys-replace",
  "update identity.signing_keys set replaced_at = now() where replaced_at is null",
);
/** Long after the last token that it signed has expired. */
const forget = statement(
  "identity.signing-keys-forget",
  "delete from identity.signing_keys where replaced_at < now() - interval '1 day'",
);
const revoke = statement("identity.signing-keys-revoke", "delete from identity.signing_keys");
const lock = statement(
  "identity.signing-keys-lock",
  "select pg_advisory_xact_lock(hashtextextended('identity.signing-keys', 0))",
);

export const postgresKeyStore = (database: Database): KeyStore => ({
  all: async () =>
    (await database.query(all, [])).map((row) => ({
      id: row.id,
      publicJwk: row.public_jwk,
      privateJwk: row.private_jwk,
    })),
  add: ({ id, publicJwk, privateJwk }, how) =>
    database.session(async (session) => {
      await session.run("begin");
      await session.query(lock, []);
      if (how === "revoking all others") await session.query(revoke, []);
      if (how !== "unless there is one") {
        await session.query(forget, []);
        await session.query(replace, []);
      }
      await session.query(insert, [id, JSON.stringify(publicJwk), privateJwk]);
      await session.commit();
    }),
});

export function memoryKeyStore(): KeyStore {
  const keys: StoredKey[] = [];
  return {
    all: async () => keys,
    add: async (key, how) => {
      if (how === "revoking all others") keys.length = 0;
      if (how !== "unless there is one" || keys.length === 0) keys.unshift(key);
    },
  };
}

export const algorithm = "EdDSA";
const purpose = "signing-key";

/** Makes a new key pair. Signatures of older ones stay valid unless these are revoked. */
export async function addSigningKey(
  { store, secrets }: { readonly store: KeyStore; readonly secrets: Secrets },
  how?: Adding,
): Promise<string> {
  const pair = await generateKeyPair(algorithm, { crv: "Ed25519", extractable: true });
  const id = crypto.randomUUID();
  const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: id, alg: algorithm, use: "sig" };
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
  await store.add({ id, publicJwk, privateJwk: secrets.seal(privateJwk, purpose, id) }, how);
  return id;
}

export type SigningKeys = {
  readonly current: () => Promise<{ readonly id: string; readonly key: CryptoKey }>;
  readonly verifying: (id: string) => Promise<CryptoKey | undefined>;
  /** The public keys as a JSON Web Key Set, for other verifiers of tokens. Source: RFC 7517. */
  readonly jwks: () => Promise<{ readonly keys: readonly JWK[] }>;
};

type Keys = {
  readonly current: { readonly id: string; readonly key: CryptoKey };
  readonly byId: ReadonlyMap<string, CryptoKey>;
  readonly jwks: readonly JWK[];
};

/** The keys of a store, kept until they change. */
export function signingKeys({
  store,
  secrets,
  coherence,
}: {
  readonly store: KeyStore;
  readonly secrets: Secrets;
  readonly coherence: Coherence;
}): SigningKeys {
  const cache = coherence.cache<Keys>({
    max: 1,
    subjects: () => ["signing-keys"],
    async load() {
      const stored = await store.all();
      const [newest] = stored;
      if (!newest) throw new Error("there is no signing key");
      const opened = JSON.parse(secrets.open(newest.privateJwk, purpose, newest.id)) as JWK;
      const publics = stored.map(
        async ({ id, publicJwk }) => [id, await imported(publicJwk)] as const,
      );
      return {
        current: { id: newest.id, key: await imported(opened) },
        byId: new Map(await Promise.all(publics)),
        jwks: stored.map(({ publicJwk }) => publicJwk),
      };
    },
  });
  const keys = async () => cache.get("all");
  return {
    current: async () => (await keys()).current,
    verifying: async (id) => (await keys()).byId.get(id),
    jwks: async () => ({ keys: (await keys()).jwks }),
  };
}

const imported = async (jwk: JWK): Promise<CryptoKey> =>
  (await importJWK(jwk, algorithm)) as CryptoKey;
