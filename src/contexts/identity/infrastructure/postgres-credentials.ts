import type { IdentityEvent } from "../domain/events.ts";
import { saving } from "#kernel/repository.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { CredentialsOfUsers } from "../application/ports.ts";
import { Credentials, type CodeHash, type Passkey, type Totp } from "../domain/credentials.ts";
import type { PasswordHash } from "../domain/password.ts";
import type { UserId } from "../domain/user-id.ts";

type Row = {
  readonly user_id: string;
  readonly password: string | null;
  readonly is_initial: boolean;
  readonly totp: Totp | null;
  readonly recovery_codes: readonly string[];
  readonly passkeys: readonly Passkey[];
  readonly version: number;
};

const byUser = statement<Row>(
  "identity.credentials-by-user",
  `select user_id, password, is_initial, totp, recovery_codes, passkeys, version
     from identity.credentials where user_id = $1`,
);
const upsert = mutation(
  "identity.credentials-upsert",
  "credentials",
  `insert into identity.credentials
     (user_id, password, is_initial, totp, recovery_codes, passkeys, version)
   values ($1, $2, $3, $4, $5, $6, $7)
   on conflict (user_id) do update set password = excluded.password,
     is_initial = excluded.is_initial, totp = excluded.totp,
     recovery_codes = excluded.recovery_codes, passkeys = excluded.passkeys,
     version = excluded.version`,
);

const toCredentials = ({ password, totp, ...row }: Row): Credentials => ({
  userId: row.user_id as UserId,
  ...(password === null ? {} : { password: password as PasswordHash }),
  isInitial: row.is_initial,
  ...(totp === null ? {} : { totp }),
  recoveryCodes: row.recovery_codes as readonly CodeHash[],
  passkeys: row.passkeys,
  version: row.version as Version,
});

export const postgresCredentials = ({ read, write, append }: Transaction): CredentialsOfUsers => ({
  async byUser(userId) {
    const [row] = await read(byUser, [userId]);
    return row ? toCredentials(row) : Credentials.none(userId);
  },
  save: saving<Credentials, IdentityEvent>(append, Credentials.streamOf, (credentials) => {
    const { userId, password, isInitial, totp, recoveryCodes, passkeys, version } = credentials;
    write(upsert, [
      userId,
      password ?? null,
      isInitial,
      totp ? JSON.stringify(totp) : null,
      recoveryCodes,
      JSON.stringify(passkeys),
      version,
    ]);
  }),
});
