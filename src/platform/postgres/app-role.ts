import pg, { type ClientConfig } from "pg";
import { migratingClient } from "./migrations.ts";

/** The database role of Basalt. It may not change tables, nor entries of the audit. */
export const appRole = "basalt_app";

const duplicateObject = "42710";
const uniqueViolation = "23505"; // two that create the same role at once

/**
 * Makes the role and gives it its rights on `schemas` and, to add only, on the audit. False where
 * the login may not make roles: then the triggers alone protect the audit.
 */
export async function restrictToRole(
  connection: ClientConfig,
  schemas: readonly string[],
): Promise<boolean> {
  const client = migratingClient(connection);
  await client.connect();
  try {
    await client.query("select pg_advisory_lock(hashtextextended('basalt.role', 0))");
    if (!(await makeRole(client))) return false;
    for (const schema of schemas) await client.query(rightsOn(schema));
    await client.query(
      `grant usage on schema audit to ${appRole};
       grant usage on all sequences in schema audit to ${appRole};
       grant select on audit.entries, audit.appending to ${appRole};
       grant select on audit.chain to ${appRole};
       revoke insert on audit.chain from ${appRole};
       grant execute on function audit.erase(text, text[]), audit.close_chain(), audit.horizon_age()
         to ${appRole};
       -- Not its position, which is the order of entries. An earlier version gave that as well.
       revoke insert on audit.entries from ${appRole};
       grant insert (at, actor, credential, operation, outcome, targets, address, agent,
                     correlation_id) on audit.entries to ${appRole};
       -- Readiness takes room in a temporary table after the disk was full. None stands in for one of the owner's:
       -- functions with the owner's rights look there last.
       do $$ begin
         execute format('revoke temporary on database %I from public', current_database());
         execute format('grant temporary on database %I to ${appRole}', current_database());
       exception when insufficient_privilege then null;
       end $$;
       grant usage on schema basalt to ${appRole};
       grant select, insert, update, delete on basalt.leases to ${appRole};`,
    );
    return true;
  } finally {
    await client.end();
  }
}

/**
 * How to sign in as the role itself, with this password: `set role none` of the owner's login leads back to the owner's
 * rights. Only for a cluster that is Basalt's own.
 */
export async function loginOf(connection: ClientConfig, password: string): Promise<ClientConfig> {
  const client = migratingClient(connection);
  await client.connect();
  try {
    await client.query(`alter role ${appRole} login password ${pg.escapeLiteral(password)}`);
  } finally {
    await client.end();
  }
  return { ...connection, user: appRole, password };
}

const rightsOn = (schema: string) =>
  `grant usage on schema ${schema} to ${appRole};
   grant execute on all functions in schema ${schema} to ${appRole};
   grant select, insert, update, delete on all tables in schema ${schema} to ${appRole};
   grant usage on all sequences in schema ${schema} to ${appRole};`;

/** Gives the role, where there is one, its rights on one more schema. */
export async function grantTo(connection: ClientConfig, schema: string): Promise<void> {
  const client = migratingClient(connection);
  await client.connect();
  try {
    if ((await rights(client)).exists) await client.query(rightsOn(schema));
  } finally {
    await client.end();
  }
}

type Rights = {
  readonly may_make: boolean;
  readonly is_member: boolean;
  readonly exists: boolean;
};

/** Whether the login may become the role after this. */
async function makeRole(client: pg.Client): Promise<boolean> {
  const { is_member, may_make } = await rights(client);
  if (is_member) return true;
  if (!may_make) return false;
  await client.query(`create role ${appRole} nologin`).catch((error: unknown) => {
    const code = error instanceof pg.DatabaseError ? error.code : undefined;
    if (code !== duplicateObject && code !== uniqueViolation) throw error;
  });
  if (!(await rights(client)).is_member) await client.query(`grant ${appRole} to current_user`);
  return true;
}

/** Since this version, who made a role may give it to others, and does not have it by that. */
const firstWithSet = 160_000;

async function rights(client: pg.Client): Promise<Rights> {
  const found = await client.query<{ version: number }>(
    "select current_setting('server_version_num')::int as version",
  );
  const version = found.rows[0]?.version ?? 0;
  const { rows } = await client.query<Rights>(
    `select rolsuper or rolcreaterole as may_make,
            exists (select from pg_roles where rolname = $1) as exists,
            exists (select from pg_roles r where r.rolname = $1
                       and pg_has_role(current_user, r.oid, $2)) as is_member
       from pg_roles where rolname = current_user`,
    [appRole, version >= firstWithSet ? "set" : "member"],
  );
  return rows[0] ?? { may_make: false, is_member: false, exists: false };
}
