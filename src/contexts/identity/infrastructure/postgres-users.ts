import type { IdentityEvent } from "../domain/events.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Users } from "../application/ports.ts";
import type { Email } from "../domain/email.ts";
import type { Role } from "../domain/role.ts";
import type { DeletedUser, FormerEmail, PresentUser, User } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";
import type { UserName } from "../domain/user-name.ts";

type PresentRow = {
  readonly id: string;
  readonly email: string;
  readonly is_email_verified: boolean;
  readonly pending_email: string | null;
  readonly formers: readonly FormerEmail[];
  readonly name: string;
  readonly roles: readonly string[];
  readonly created_at: Instant;
  readonly is_disabled: boolean;
  readonly is_invited: boolean;
  readonly version: number;
};
type DeletedRow = PresentRow & { readonly deleted_at: Instant; readonly erased_at: Instant | null };
type UserRow = DeletedRow | (PresentRow & { readonly deleted_at: null });

const columns = `id, email, is_email_verified, pending_email, formers, name, roles,
  created_at, is_disabled, is_invited, version`;

const byId = statement<UserRow>(
  "identity.user-by-id",
  `select ${columns}, deleted_at, erased_at from identity.users where id = $1`,
);
const byEmail = statement<PresentRow>(
  "identity.user-by-email",
  `select ${columns} from identity.users where email = $1 and deleted_at is null`,
);
const holderOf = statement<{ readonly id: string }>(
  "identity.user-holding",
  `select id from identity.users where email = $1 and deleted_at is null
   union all
   select id from identity.users
    where formers <> '[]' and formers @> jsonb_build_array(jsonb_build_object('email', $1::text))
      and exists (select from jsonb_array_elements(formers) f
                   where f ->> 'email' = $1 and (f ->> 'until')::timestamptz > $2)
   limit 1`,
);
const page = statement<PresentRow>(
  "identity.user-page",
  `select ${columns} from identity.users
    where id > $1 and deleted_at is null order by id limit $2`,
);
const toErase = statement<DeletedRow>(
  "identity.users-to-erase",
  `select ${columns}, deleted_at, erased_at from identity.users
    where deleted_at < $1 and erased_at is null order by deleted_at limit $2`,
);
const isAdministered = statement(
  "identity.is-administered",
  `select from identity.users
    where deleted_at is null and not is_disabled and not is_invited and is_email_verified and roles @> '{admin}' and id <> $1 limit 1`,
);
const upsert = mutation(
  "identity.user-upsert",
  "users",
  `insert into identity.users
     (id, email, is_email_verified, name, roles, created_at, is_disabled, deleted_at, version,
      pending_email, formers, is_invited, erased_at)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
   on conflict (id) do update set email = excluded.email, name = excluded.name,
     is_email_verified = excluded.is_email_verified, roles = excluded.roles,
     is_disabled = excluded.is_disabled, deleted_at = excluded.deleted_at,
     version = excluded.version, pending_email = excluded.pending_email,
     formers = excluded.formers, is_invited = excluded.is_invited, erased_at = excluded.erased_at`,
);

const standingOf = ({ is_disabled, is_invited: isInvited }: PresentRow) => {
  if (is_disabled) return { status: "disabled", isInvited } as const;
  return { status: isInvited ? "invited" : "active" } as const;
};

const toPresent = (row: PresentRow): PresentUser => ({
  ...standingOf(row),
  id: row.id as UserId,
  email: row.email as Email,
  isEmailVerified: row.is_email_verified,
  pendingEmail: (row.pending_email ?? undefined) as Email | undefined,
  formers: row.formers,
  name: row.name as UserName,
  roles: row.roles as readonly Role[],
  createdAt: row.created_at,
  version: row.version as Version,
});

const toDeleted = (row: DeletedRow): DeletedUser => ({
  ...toPresent(row),
  status: "deleted",
  deletedAt: row.deleted_at,
  erasedAt: row.erased_at ?? undefined,
});

const toUser = (row: UserRow): User => (row.deleted_at === null ? toPresent(row) : toDeleted(row));

export const postgresUsers = ({ read, write, append }: Transaction): Users => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toUser(row);
  },
  async byEmail(email) {
    const [row] = await read(byEmail, [email]);
    return row && toPresent(row);
  },
  async holderOf(email, at) {
    const [row] = await read(holderOf, [email, at]);
    return row?.id as UserId | undefined;
  },
  async page({ after = "", limit }) {
    return (await read(page, [after, limit])).map(toPresent);
  },
  async toErase(before, limit) {
    return (await read(toErase, [before, limit])).map(toDeleted);
  },
  async isAdministeredWithout(id = "" as UserId) {
    return (await read(isAdministered, [id])).length > 0;
  },
  save: saving<User, IdentityEvent>(append, idOf, (user) => {
    const { id, email, isEmailVerified, name, roles, createdAt, status, version } = user;
    const deletedAt = user.status === "deleted" ? user.deletedAt : null;
    const isDisabled = status === "disabled";
    write(upsert, [
      id,
      email,
      isEmailVerified,
      name,
      roles,
      createdAt,
      isDisabled,
      deletedAt,
      version,
      user.pendingEmail ?? null,
      JSON.stringify(user.formers),
      status === "invited" || (status === "disabled" && user.isInvited),
      user.status === "deleted" ? (user.erasedAt ?? null) : null,
    ]);
  }),
});
