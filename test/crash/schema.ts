import type { ClientConfig } from "pg";
import { ask } from "../support/database.ts";
import { schema as trailSchema } from "./trails/trails.ts";

const own = (schema: string) =>
  `${schema} not in ('pg_catalog', 'information_schema', '${trailSchema}') and ${schema} !~ '^pg_(toast|temp)'`;

const described = `
  select format('column %s.%s.%s %s %s %s', table_schema, table_name, column_name, data_type,
                is_nullable, column_default) as line
    from information_schema.columns where ${own("table_schema")}
  union all select indexdef from pg_indexes where ${own("schemaname")}
  union all select format('%s %s', conrelid::regclass, pg_get_constraintdef(c.oid))
    from pg_constraint c join pg_namespace n on n.oid = connamespace where ${own("nspname")}
  union all select format('function %s %s', p.oid::regprocedure, md5(prosrc))
    from pg_proc p join pg_namespace n on n.oid = pronamespace where ${own("nspname")}
  union all select pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
  union all select format('%s may %s %s.%s', grantee, privilege_type, table_schema, table_name)
    from information_schema.role_table_grants where ${own("table_schema")}
  union all select format('migration %s/%s of %s %s', source, name, schema, checksum)
    from basalt.migrations where schema <> '${trailSchema}'`;

/** Everything that Basalt's migrations have made in a database, a line each. */
export async function schemaOf(connection: ClientConfig): Promise<ReadonlySet<string>> {
  const rows = await ask(connection, described);
  return new Set(rows.map(({ line }) => String(line)));
}
