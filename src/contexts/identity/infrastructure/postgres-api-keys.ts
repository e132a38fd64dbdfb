import type { IdentityEvent } from "../domain/events.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Permission } from "#kernel/permission.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { ApiKeys } from "../application/ports.ts";
import type { ApiKey, ApiKeyName } from "../domain/api-key.ts";
import type { ApiKeyId } from "../domain/ids.ts";
import type { UserId } from "../domain/user-id.ts";
import type { KeepUses } from "./api-key-uses.ts";

type Row = {
  readonly id: string;
  readonly user_id: string;
  readonly name: string;
  readonly scopes: readonly string[];
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly revoked_at: Instant | null;
  readonly last_used_at: Instant | null;
  readonly version: number;
};

const select = `select k.id, k.user_id, k.name, k.scopes, k.created_at, k.expires_at, k.revoked_at,
     u.last_used_at, k.version
  from identity.api_keys k left join identity.api_key_uses u on u.key_id = k.id`;

const byId = statement<Row>("identity.api-key-by-id", `${select} where k.id = $1`);
const ofUser = statement<Row>(
  "identity.api-keys-of-user",
  `${select} where k.user_id = $1 and k.revoked_at is null order by k.id desc`,
);
const upsert = mutation(
  "identity.api-key-upsert",
  "api_keys",
  `insert into identity.api_keys
     (id, user_id, name, scopes, created_at, expires_at, revoked_at, version)
   values ($1, $2, $3, $4, $5, $6, $7, $8)
   on conflict (id) do update set revoked_at = excluded.revoked_at, version = excluded.version`,
);
const noteUses = statement(
  "identity.api-key-uses",
  `insert into identity.api_key_uses (key_id, last_used_at)
   select id, at from unnest($1::text[], $2::timestamptz[]) as used(id, at)
    where exists (select from identity.api_keys k where k.id = used.id)
   on conflict (key_id) do update
     set last_used_at = greatest(api_key_uses.last_used_at, excluded.last_used_at)`,
);

const toApiKey = (row: Row): ApiKey => ({
  id: row.id as ApiKeyId,
  userId: row.user_id as UserId,
  name: row.name as ApiKeyName,
  scopes: row.scopes as readonly Permission[],
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  ...(row.last_used_at === null ? {} : { lastUsedAt: row.last_used_at }),
  ...(row.revoked_at === null ? {} : { revokedAt: row.revoked_at }),
  version: row.version as Version,
});

export const postgresApiKeys = ({ read, write, append }: Transaction): ApiKeys => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toApiKey(row);
  },
  async ofUser(userId) {
    return (await read(ofUser, [userId])).map(toApiKey);
  },
  save: saving<ApiKey, IdentityEvent>(append, idOf, (key) => {
    const { id, userId, name, scopes, createdAt, expiresAt, revokedAt, version } = key;
    write(upsert, [id, userId, name, scopes, createdAt, expiresAt, revokedAt ?? null, version]);
  }),
});

/** Where it is kept when keys were last used. */
export const postgresKeyUses =
  (database: Database): KeepUses =>
  async (uses) => {
    await database.query(noteUses, [uses.map(([id]) => id), uses.map(([, at]) => at)]);
  };
