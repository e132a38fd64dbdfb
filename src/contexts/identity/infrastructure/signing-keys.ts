import { exportJWK, generateKeyPair, importJWK, type CryptoKey, type JWK } from "jose";
import { signingKeys as subject } from "../application/sessions/authenticate.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Coherence } from "#platform/cache/coherence.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Secrets } from "#platform/secrets/secrets.ts";

/** A key pair as it is stored: the private half sealed. */
export type StoredKey = {
  readonly id: string;
  /** Published before: other services hear of a key before they see a token of it. */
  readonly signsFrom: Instant;
  readonly publicJwk: JWK;
  readonly privateJwk: string;
};

type Adding = "unless there is one" | "revoking all others";

/** Where key pairs are kept, the newest first. */
export type KeyStore = {
  readonly all: () => Promise<readonly StoredKey[]>;
  /** Makes this the one that will sign; unless there is one of its algorithm, where that is said. */
  readonly add: (key: StoredKey, how?: Adding) => Promise<void>;
};

type Row = {
  readonly id: string;
  readonly public_jwk: JWK;
  readonly private_jwk: string;
  readonly signs_from: Instant;
};

const all = statement<Row>(
  "identity.signing-keys",
  `select id, public_jwk, private_jwk, signs_from from identity.signing_keys
    order by replaced_at desc nulls first`,
);
const insert = statement(
  "identity.signing-key-insert",
  `insert into identity.signing_keys (id, public_jwk, private_jwk, created_at, signs_from)
   values ($1, $2, $3, now(), $4) on conflict do nothing`,
);
const newestOf = statement(
  "identity.signing-key-of-algorithm",
  `select from identity.signing_keys where replaced_at is null and public_jwk ->> 'alg' = $1`,
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
      signsFrom: row.signs_from,
    })),
  add: ({ id, publicJwk, privateJwk, signsFrom }, how) =>
    database.session(async (session) => {
      await session.run("begin");
      await session.query(lock, []);
      const alg = publicJwk.alg ?? "";
      if (how === "unless there is one" && (await session.query(newestOf, [alg])).length > 0)
        return session.run("rollback");
      await session.query(how === "revoking all others" ? revoke : forget, []);
      await session.query(replace, []);
      await session.query(insert, [id, JSON.stringify(publicJwk), privateJwk, signsFrom]);
      return session.commit();
    }),
});

export function memoryKeyStore(): KeyStore {
  const keys: StoredKey[] = [];
  return {
    all: async () => keys,
    add: async (key, how) => {
      if (how === "revoking all others") keys.length = 0;
      const isThere = keys[0]?.publicJwk.alg === key.publicJwk.alg;
      if (how !== "unless there is one" || !isThere) keys.unshift(key);
    },
  };
}

/** Algorithms of access tokens: Ed25519, and P-256 for verifiers that know no other. */
export const algorithms = ["EdDSA", "ES256"] as const;
export type Algorithm = (typeof algorithms)[number];
export const signingKeyPurpose = "signing-key";

/** Twice as long as other services may keep the published keys. */
const publishedForMs = 120_000;

type Making = {
  readonly store: KeyStore;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly algorithm: Algorithm;
};

/**
 * Makes a new key pair, which is published now and signs soon. Signatures of older ones stay valid unless these are
 * revoked; the new one signs at once then, and where there is no other.
 */
export async function addSigningKey(
  { store, secrets, clock, algorithm }: Making,
  how?: Adding,
): Promise<string> {
  const isAtOnce = how === "revoking all others" || (await store.all()).length === 0;
  const signsFrom = Instant.plus(clock.now(), isAtOnce ? 0 : publishedForMs);
  const pair = await generateKeyPair(algorithm, { extractable: true });
  const id = crypto.randomUUID();
  const publicJwk = { ...(await exportJWK(pair.publicKey)), kid: id, alg: algorithm, use: "sig" };
  const privateJwk = JSON.stringify(await exportJWK(pair.privateKey));
  const sealed = secrets.seal(privateJwk, signingKeyPurpose, id);
  await store.add({ id, publicJwk, privateJwk: sealed, signsFrom }, how);
  return id;
}

export type SigningKeys = {
  readonly current: () => Promise<SigningKey>;
  readonly verifying: (id: string) => Promise<CryptoKey | undefined>;
  /** The public keys as a JSON Web Key Set, for other verifiers of tokens. Source: RFC 7517. */
  readonly jwks: () => Promise<{ readonly keys: readonly JWK[] }>;
};

export type SigningKey = {
  readonly id: string;
  readonly algorithm: string;
  readonly key: CryptoKey;
};

type Keys = {
  /** The newest first. */
  readonly stored: readonly StoredKey[];
  readonly opened: Map<string, Promise<SigningKey>>;
  readonly byId: ReadonlyMap<string, CryptoKey>;
  readonly jwks: readonly JWK[];
};

/** The keys of a store, kept until they change. */
export function signingKeys({
  store,
  secrets,
  coherence,
  clock,
}: Pick<Making, "store" | "secrets" | "clock"> & {
  readonly coherence: Coherence;
}): SigningKeys {
  const cache = coherence.cache<Keys>({
    max: 1,
    subjects: () => [subject],
    async load() {
      const stored = await store.all();
      if (stored.length === 0) throw new Error("there is no signing key");
      const publics = stored.map(
        async ({ id, publicJwk }) => [id, await imported(publicJwk)] as const,
      );
      return {
        stored,
        opened: new Map(),
        byId: new Map(await Promise.all(publics)),
        jwks: stored.map(({ publicJwk }) => publicJwk),
      };
    },
  });
  const keys = async () => cache.get("all");
  const open = async ({ id, privateJwk, publicJwk: { alg = "" } }: StoredKey) => {
    const jwk = JSON.parse(secrets.open(privateJwk, signingKeyPurpose, id)) as JWK;
    return { id, algorithm: alg, key: await imported({ ...jwk, alg }) };
  };
  return {
    async current() {
      const { stored, opened } = await keys();
      const now = clock.now();
      const current = stored.find(({ signsFrom }) => signsFrom <= now) ?? stored.at(-1);
      if (!current) throw new Error("there is no signing key");
      const known = opened.get(current.id) ?? open(current);
      opened.set(current.id, known);
      return known;
    },
    verifying: async (id) => (await keys()).byId.get(id),
    jwks: async () => ({ keys: (await keys()).jwks }),
  };
}

const imported = async (jwk: JWK): Promise<CryptoKey> => (await importJWK(jwk)) as CryptoKey;
