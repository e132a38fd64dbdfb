import { saved } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Users } from "../application/ports.ts";
import type { Email } from "../domain/email.ts";
import type { ActiveUser, User } from "../domain/user.ts";
import type { UserId } from "../domain/user-id.ts";
import type { UserName } from "../domain/user-name.ts";

type ActiveRow = {
  readonly id: string;
  readonly email: string;
  readonly name: string;
  readonly created_at: Instant;
  readonly version: number;
};
type UserRow = ActiveRow & { readonly deleted_at: Instant | null };

const columns = "id, email, name, created_at, version";

const byId = statement<UserRow>(
  "identity.user-by-id",
  `select ${columns}, deleted_at from identity.users where id = $1`,
);
const byEmail = statement<ActiveRow>(
  "identity.user-by-email",
  `select ${columns} from identity.users where email = $1 and deleted_at is null`,
);
const page = statement<ActiveRow>(
  "identity.user-page",
  `select ${columns} from identity.users
    where id > $1 and deleted_at is null order by id limit $2`,
);
const upsert = mutation(
  "identity.user-upsert",
  "users",
  `insert into identity.users (id, email, name, created_at, deleted_at, version)
   values ($1, $2, $3, $4, $5, $6)
   on conflict (id) do update set email = excluded.email, name = excluded.name,
     deleted_at = excluded.deleted_at, version = excluded.version`,
);

const toActive = ({ id, email, name, created_at, version }: ActiveRow): ActiveUser => ({
  status: "active",
  id: id as UserId,
  email: email as Email,
  name: name as UserName,
  createdAt: created_at,
  version: version as Version,
});

const toUser = ({ deleted_at, ...row }: UserRow): User =>
  deleted_at === null
    ? toActive(row)
    : { ...toActive(row), status: "deleted", deletedAt: deleted_at };

export const postgresUsers = ({ read, write, append }: Transaction): Users => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toUser(row);
  },
  async byEmail(email) {
    const [row] = await read(byEmail, [email]);
    return row && toActive(row);
  },
  async page({ after = "", limit }) {
    return (await read(page, [after, limit])).map(toActive);
  },
  save(change) {
    const user = saved(change);
    if (change.events.length === 0) return user;
    const deletedAt = user.status === "deleted" ? user.deletedAt : null;
    write(upsert, [user.id, user.email, user.name, user.createdAt, deletedAt, user.version]);
    append(user.id, change.state.version, change.events);
    return user;
  },
});
