import { statement, type Database } from "../postgres/database.ts";

/**
 * Lets a log go on behind everything that was drawn before, where its sequence is behind: sequences
 * are left out by logical replication, and by who restores tables one by one. Answers whether it was.
 */
export async function mendPositions(database: Database, schema: string): Promise<boolean> {
  const mend = statement<{ readonly position: number }>(
    `${schema}.mend-positions`,
    `select setval('${schema}.positions', drawn) as position
       from (select greatest((select max(position) from ${schema}.events),
                             (select max(position) from ${schema}.subscriptions)) as drawn) d
      where drawn > coalesce(pg_sequence_last_value('${schema}.positions'), 0)`,
  );
  return (await database.query(mend, [])).length > 0;
}
