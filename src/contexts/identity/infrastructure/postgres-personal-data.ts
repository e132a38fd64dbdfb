import { redactIn } from "#platform/events/redact.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { PersonalData } from "../application/ports.ts";
import type { Email } from "../domain/email.ts";
import { CredentialsId } from "../domain/ids.ts";
import { erased } from "../domain/user.ts";

const emails = statement<{ readonly email: string }>(
  "identity.emails-of-user",
  `select distinct email from (
     select payload ->> 'email' as email from identity.events
      where stream = $1
        and type in ('identity.user-email-verified', 'identity.user-email-restored')) shown
    where not exists (select from identity.users u
                       where u.email = shown.email and u.deleted_at is null)`,
);
const keys = statement<{ readonly id: string }>(
  "identity.key-ids-of-user",
  "select id from identity.api_keys where user_id = $1",
);
const redact = redactIn("identity");
const deleteUses = mutation(
  "identity.key-uses-delete",
  "api_key_uses",
  `delete from identity.api_key_uses
    where key_id in (select id from identity.api_keys where user_id = $1)`,
);
const deletions = [
  deleteUses,
  ...(["credentials", "sessions", "api_keys"] as const).map((table) =>
    mutation(`identity.${table}-delete`, table, `delete from identity.${table} where user_id = $1`),
  ),
];

export const postgresPersonalData = ({ read, write }: Transaction): PersonalData => ({
  async emailsOf(userId) {
    return (await read(emails, [userId])).map(({ email }) => email as Email);
  },
  async erase(userId) {
    const keyIds = (await read(keys, [userId])).map(({ id }) => id);
    const streams = [userId, CredentialsId.of(userId), ...keyIds];
    write(redact, [streams, JSON.stringify(erased)]);
    for (const deletion of deletions) write(deletion, [userId]);
  },
});

const forget = statement<{ readonly position: number }>(
  "identity.email-requests-forget",
  `update identity.events set payload = jsonb_build_object('email', $1::text)
    where position in (
      select position from identity.events
       where type in ('identity.password-reset-requested', 'identity.email-verification-requested')
         and payload ->> 'email' <> '${erased.email}'
         and occurred_at < now() - interval '1 day'
       limit $2)
   returning position`,
);

/** Erases the addresses that strangers have asked for, a day later; answers how many. */
export const forgetEmailRequests =
  (database: Database) =>
  async (limit: number): Promise<number> =>
    (await database.query(forget, [erased.email, limit])).length;
