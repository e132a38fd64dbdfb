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
import type { PresentUser, User } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";
import type { UserName } from "../domain/user-name.ts";

type PresentRow = {
  readonly id: string;
  readonly email: string;
  readonly is_email_verified: boolean;
  readonly name: string;
  readonly roles: readonly string[];
  readonly created_at: Instant;
  readonly is_disabled: boolean;
  readonly version: number;
};
type UserRow = PresentRow & { readonly deleted_at: Instant | null };

const columns = "id, email, is_email_verified, name, roles, created_at, is_disabled, version";

const byId = statement<UserRow>(
  "identity.user-by-id",
  `select ${columns}, deleted_at from identity.users where id = $1`,
);
const byEmail = statement<PresentRow>(
  "identity.user-by-email",
  `select ${columns} from identity.users where email = $1 and deleted_at is null`,
);
const page = statement<PresentRow>(
  "identity.user-page",
  `select ${columns} from identity.users
    where id > $1 and deleted_at is null order by id limit $2`,
);
const isAdministered = statement(
  "identity.is-administered",
  `select from identity.users
    where deleted_at is null and not is_disabled and roles @> '{admin}' and id <> $1 limit 1`,
);
const upsert = mutation(
  "identity.user-upsert",
  "users",
  `insert into identity.users
     (id, email, is_email_verified, name, roles, created_at, is_disabled, deleted_at, version)
   values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
   on conflict (id) do update set email = excluded.email, name = excluded.name,
     is_email_verified = excluded.is_email_verified, roles = excluded.roles,
     is_disabled = excluded.is_disabled, deleted_at = excluded.deleted_at,
     version = excluded.version`,
);

const toPresent = (row: PresentRow): PresentUser => ({
  status: row.is_disabled ? "disabled" : "active",
  id: row.id as UserId,
  email: row.email as Email,
  isEmailVerified: row.is_email_verified,
  name: row.name as UserName,
  roles: row.roles as readonly Role[],
  createdAt: row.created_at,
  version: row.version as Version,
});

const toUser = ({ deleted_at, ...row }: UserRow): User =>
  deleted_at === null
    ? toPresent(row)
    : { ...toPresent(row), status: "deleted", deletedAt: deleted_at };

export const postgresUsers = ({ read, write, append }: Transaction): Users => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toUser(row);
  },
  async byEmail(email) {
    const [row] = await read(byEmail, [email]);
    return row && toPresent(row);
  },
  async page({ after = "", limit }) {
    return (await read(page, [after, limit])).map(toPresent);
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
    ]);
  }),
});
