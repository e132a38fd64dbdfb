import { statement, type Database } from "../postgres/database.ts";

type State = { readonly epoch: number; readonly restored: boolean };

/**
 * Starts a new epoch where the log was restored into another cluster: transaction ids restart
 * there, and a reader that compared them with older ones would never see another event.
 */
export async function renewEpoch(database: Database, schema: string): Promise<State> {
  const state = statement<State>(
    `${schema}.epoch-state`,
    `select e.epoch,
            e.system_identifier <> (select system_identifier from pg_control_system())
              or coalesce((select transaction_id from ${schema}.events
                            where epoch = e.epoch order by transaction_id desc limit 1)
                          >= pg_snapshot_xmax(pg_current_snapshot()), false) as restored
       from ${schema}.epochs e order by e.epoch desc limit 1`,
  );
  const [found] = await database.query(state, []);
  if (!found) throw new Error(`${schema}.epochs is empty`);
  if (!found.restored) return found;

  const next = found.epoch + 1;
  await database.session(async (session) => {
    await session.run("begin");
    await session.run(`lock table ${schema}.events in access exclusive mode`);
    await session.run(
      `insert into ${schema}.epochs (epoch, system_identifier)
         select ${next}, system_identifier from pg_control_system()`,
    );
    await session.run(`alter table ${schema}.events alter column epoch set default ${next}`);
    await session.commit();
  });
  return { epoch: next, restored: true };
}
