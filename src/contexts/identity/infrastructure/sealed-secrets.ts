import { statement, type Database, type Statement } from "#platform/postgres/database.ts";
import type { Secrets } from "#platform/secrets/secrets.ts";
import { signingKeyPurpose } from "./signing-keys.ts";

const needed = statement<{ readonly id: string }>(
  "identity.master-keys-needed",
  `select split_part(totp ->> 'secret', '.', 1) as id from identity.credentials where totp is not null
   union select split_part(private_jwk, '.', 1) from identity.signing_keys`,
);

/** The ids of the master keys that the sealed secrets in the database need. */
export const neededMasterKeys = async (database: Database): Promise<readonly string[]> =>
  (await database.query(needed, [])).map(({ id }) => id);

type Sealed = { readonly id: string; readonly secret: string };

/** The sealed secrets of one table. Each is bound to the id of its row. */
type Vault = {
  readonly purpose: string;
  /** After an id, not sealed under a master key, so many. */
  readonly others: Statement<Sealed>;
  /** Replaces the secret of a row, unless it has changed. */
  readonly replace: Statement<never>;
};

const vaults: readonly Vault[] = [
  {
    purpose: "credentials",
    others: statement<Sealed>(
      "identity.totp-sealed-by-others",
      `select user_id as id, totp ->> 'secret' as secret from identity.credentials
        where user_id > $1 and split_part(totp ->> 'secret', '.', 1) <> $2 order by user_id limit $3`,
    ),
    replace: statement(
      "identity.totp-reseal",
      `update identity.credentials set totp = jsonb_set(totp, '{secret}', to_jsonb($3::text))
        where user_id = $1 and totp ->> 'secret' = $2`,
    ),
  },
  {
    purpose: signingKeyPurpose,
    others: statement<Sealed>(
      "identity.signing-keys-sealed-by-others",
      `select id, private_jwk as secret from identity.signing_keys
        where id > $1 and split_part(private_jwk, '.', 1) <> $2 order by id limit $3`,
    ),
    replace: statement(
      "identity.signing-key-reseal",
      "update identity.signing_keys set private_jwk = $3 where id = $1 and private_jwk = $2",
    ),
  },
];

/** Secrets that are read at once. */
const batch = 500;

async function reseal(database: Database, secrets: Secrets, vault: Vault): Promise<void> {
  const { purpose, others, replace } = vault;
  for (let after = "", isLast = false; !isLast;) {
    const rows = await database.query(others, [after, secrets.keyId, batch]);
    for (const { id, secret } of rows) {
      const plain = secrets.open(secret, purpose, id);
      await database.query(replace, [id, secret, secrets.seal(plain, purpose, id)]);
      after = id;
    }
    isLast = rows.length < batch;
  }
}

/** Seals all secrets under the current master key, so that older ones can go. */
export async function resealSecrets(database: Database, secrets: Secrets): Promise<void> {
  for (const vault of vaults) await reseal(database, secrets, vault);
}
