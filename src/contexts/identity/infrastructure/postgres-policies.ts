import type { IdentityEvent } from "../domain/events.ts";
import { saving } from "#kernel/repository.ts";
import type { Permission } from "#kernel/permission.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Policies } from "../application/ports.ts";
import { Policy, type Role } from "../domain/role.ts";

type Row = {
  readonly role: string;
  readonly permissions: readonly string[];
  readonly version: number;
};

const all = statement<Row>(
  "identity.policies",
  "select role, permissions, version from identity.policies order by role",
);
const upsert = mutation(
  "identity.policy-upsert",
  "policies",
  `insert into identity.policies (role, permissions, version) values ($1, $2, $3)
   on conflict (role) do update
     set permissions = excluded.permissions, version = excluded.version`,
);

const grant = statement(
  "identity.policies-grant",
  `insert into identity.policies (role, permissions, version)
   select role, array(select jsonb_array_elements_text(granted) order by 1), 0
     from jsonb_each($1::jsonb) as grants(role, granted)
   on conflict (role) do update set permissions = excluded.permissions
    where policies.version = 0 and policies.permissions is distinct from excluded.permissions`,
);

/** Gives roles the permissions of all modules. A role that an administrator has changed keeps its own. */
export const grantDefaults = (
  database: Database,
  grants: Readonly<Record<string, readonly string[]>>,
) => database.query(grant, [JSON.stringify(grants)]);

const toPolicy = ({ role, permissions, version }: Row): Policy => ({
  role: role as Role,
  permissions: permissions as readonly Permission[],
  version: version as Version,
});

export const postgresPolicies = ({ read, write, append }: Transaction): Policies => ({
  all: async () => (await read(all, [])).map(toPolicy),
  async byRole(role) {
    const known = (await read(all, [])).find((row) => row.role === role);
    return known && toPolicy(known);
  },
  save: saving<Policy, IdentityEvent>(append, Policy.streamOf, (policy) =>
    write(upsert, [policy.role, policy.permissions, policy.version]),
  ),
});
