import { statement, type Database } from "../postgres/database.ts";
import type { Changes } from "./coherence.ts";

type Row = {
  readonly latest: number;
  readonly stamp: string | null;
  readonly is_restored: boolean;
  readonly subject: string | null;
};

/** Changes as the triggers of a schema note them, each under the next number. */
export function postgresChanges(database: Database, schema: string): Changes {
  const after = statement<Row>(
    `${schema}.changes-after`,
    `select e.epoch as latest, last.changed_at::text as stamp, c.subject,
            coalesce(known.changed_at::text <> $2, false) as is_restored
       from ${schema}.change_epoch e
       left join ${schema}.changes last on last.epoch = e.epoch
       left join ${schema}.changes known on known.epoch = $1
       left join ${schema}.changes c on c.epoch > $1
      order by c.epoch`,
  );
  return async (since) => {
    const rows = await database.query(after, [since.epoch, since.stamp ?? null]);
    const [first] = rows;
    if (!first) return { latest: since, subjects: [] };
    const { latest: epoch, stamp, is_restored: isRestored } = first;
    return {
      latest: stamp === null ? { epoch } : { epoch, stamp },
      subjects: rows.flatMap(({ subject }) => (subject === null ? [] : [subject])),
      isRestored,
    };
  };
}
