import { statement, type Database } from "../postgres/database.ts";
import type { Changes } from "./coherence.ts";

type Row = { readonly latest: number; readonly subject: string | null };

/** Changes as the triggers of a schema note them, each under the next number. */
export function postgresChanges(database: Database, schema: string): Changes {
  const after = statement<Row>(
    `${schema}.changes-after`,
    `select e.epoch as latest, c.subject
       from ${schema}.change_epoch e left join ${schema}.changes c on c.epoch > $1
      order by c.epoch`,
  );
  return async (since) => {
    const rows = await database.query(after, [since]);
    return {
      latest: rows[0]?.latest ?? since,
      subjects: rows.flatMap(({ subject }) => (subject === null ? [] : [subject])),
    };
  };
}
