import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { testDatabase } from "#test/database.ts";
import { appRole, loginOf, restrictToRole } from "./app-role.ts";

test("the role may add to the audit, and neither change it nor any table", async () => {
  await using opened = await testDatabase();
  assert.ok(await restrictToRole(opened.connection, ["identity"]));
  assert.ok(await restrictToRole(opened.connection, ["identity"]), "a second start");
  const client = new pg.Client({ ...opened.connection, options: `-c role=${appRole}` });
  await client.connect();
  try {
    await client.query(
      `insert into audit.entries (at, actor, operation, outcome, targets, correlation_id)
         values (now(), 'a', 'b', 'ok', '{}', 'c')`,
    );
    for (const sql of [
      `insert into audit.entries (position, at, actor, operation, outcome, targets, correlation_id)
         values (1, now(), 'backdated', 'b', 'ok', '{}', 'c')`,
      "update audit.entries set actor = 'nobody'",
      "delete from audit.entries",
      "truncate audit.entries",
      "update audit.chain set number = 1",
      "alter table audit.entries disable trigger append_only",
      "drop table identity.users",
      "create table identity.more ()",
    ])
      await assert.rejects(client.query(sql), /permission denied|must be owner/, sql);
    await client.query("delete from identity.users");
  } finally {
    await client.end();
  }
});

test("the role's own login has no rights to fall back on", async () => {
  await using opened = await testDatabase();
  assert.ok(await restrictToRole(opened.connection, ["identity"]));
  const own = await loginOf(opened.connection, "a secret");
  const client = new pg.Client(own);
  await client.connect();
  try {
    await client.query("set role none; reset session authorization");
    const { rows } = await client.query(
      `select rolsuper, rolcreaterole, rolcreatedb, rolbypassrls, rolreplication
         from pg_roles where rolname = session_user`,
    );
    assert.deepEqual(Object.values(rows[0] as object), Array(5).fill(false));
    for (const sql of [
      "copy (select 1) to program 'true'",
      "set session_replication_role = replica",
      "alter table audit.entries disable trigger only_erase",
      "set role basalt",
      "set session authorization basalt",
    ])
      await assert.rejects(client.query(sql), /permission denied|must be owner/, sql);
    await client.query("select from identity.users");
  } finally {
    await client.end();
    await opened.sql(`alter role ${appRole} nologin password null`);
  }
});

test("a temporary view cannot stand in for what a function with the owner's rights reads", async () => {
  await using opened = await testDatabase();
  assert.ok(await restrictToRole(opened.connection, ["identity", "catalog"]));
  const client = new pg.Client({ ...opened.connection, options: `-c role=${appRole}` });
  await client.connect();
  try {
    await client.query(
      `create function pg_temp.evil() returns timestamptz language plpgsql as
         $$ begin raise exception 'as %', current_user; end $$;
       create temp view pg_stat_activity as
         select pg_backend_pid() as pid, pg_temp.evil() as xact_start;
       begin; select pg_advisory_xact_lock_shared(hashtext('audit.entries'), 0)`,
    );
    for (const schema of ["audit", "identity", "catalog"])
      await client.query(`select ${schema}.horizon_age()`).catch((error: Error) => {
        assert.doesNotMatch(error.message, /^as /);
        throw error;
      });
  } finally {
    await client.end();
  }
});

test("functions with the owner's rights look in no temporary schema, and are not for everybody", async () => {
  await using opened = await testDatabase();
  const loose = await opened.sql(
    `select p.oid::regprocedure::text as function from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where p.prosecdef and n.nspname not in ('pg_catalog', 'information_schema')
        and (coalesce(p.proconfig::text, '') not like '%search_path=pg_catalog, pg_temp%'
             or has_function_privilege('public', p.oid, 'execute'))`,
  );
  assert.deepEqual(loose, []);
  const { rowCount } = await (async () => {
    const client = new pg.Client(opened.connection);
    await client.connect();
    try {
      return await client.query("select from pg_proc where prosecdef and proname = 'horizon_age'");
    } finally {
      await client.end();
    }
  })();
  assert.ok((rowCount ?? 0) >= 3, "it looks at those that are there");
});

test("a login that may make roles, and is no superuser, takes the role on", async () => {
  await using opened = await testDatabase();
  const name = `maker_${process.pid}`;
  const client = new pg.Client(opened.connection);
  await client.connect();
  try {
    await client.query(`create role ${name} login createrole password 'maker'`);
    const { rows } = await client.query<{ role: string }>(
      `select string_agg(format('grant all on schema %I to ${name} with grant option;
         grant all on all tables in schema %I to ${name} with grant option;
         grant all on all functions in schema %I to ${name} with grant option;
         grant all on all sequences in schema %I to ${name} with grant option', s, s, s, s), ';') as role
         from unnest(array['identity', 'audit', 'basalt']) as s`,
    );
    await client.query(rows[0]?.role ?? "");
    // Another cluster's role: this one may know it already, and then only its maker can give it.
    const isNew = (await client.query("select from pg_roles where rolname = $1", [appRole]))
      .rowCount;
    if (isNew) await client.query(`grant ${appRole} to ${name} with admin option`);
    const connection = { ...opened.connection, user: name, password: "maker" };
    assert.equal(await restrictToRole(connection, ["identity"]), true);
    const works = new pg.Client({ ...connection, options: `-c role=${appRole}` });
    await works.connect();
    await works.query("select from identity.users");
    await works.end();
  } finally {
    await client.query("drop schema audit cascade"); // rights on columns outlive their giver
    await client.query(`drop owned by ${name} cascade`).catch(() => {});
    await client.query(`drop role if exists ${name}`);
    await client.end();
  }
});

test("a login that may make no roles is told so", async () => {
  await using opened = await testDatabase();
  const name = `plain_${process.pid}`;
  const client = new pg.Client(opened.connection);
  await client.connect();
  try {
    await client.query(`create role ${name} login password 'plain'`);
    const connection = { ...opened.connection, user: name, password: "plain" };
    assert.equal(await restrictToRole(connection, ["identity"]), false);
  } finally {
    await client.query(`drop role ${name}`);
    await client.end();
  }
});
