import type { ClientConfig } from "pg";
import { statement, type Database, type Session } from "../postgres/database.ts";
import { grantTo } from "../postgres/app-role.ts";
import { migrate } from "../postgres/migrations.ts";
import type { Transaction } from "../postgres/unit-of-work.ts";
import { perform, settled, type Write } from "../postgres/writes.ts";
import type { RowConsumer } from "./consumer.ts";
import { eventColumns, horizonOf, toRecorded, type EventRow } from "./postgres-log.ts";
import { slotCount } from "./subscription-store.ts";

/** A read model: which log it is made of, and how. It has a schema of its own. */
export type ReadModel<Model> = {
  readonly projection: RowConsumer<Model>;
  /** Schema of the log. */
  readonly log: string;
  /** The schema of its tables. */
  readonly schema: string;
  /** Its migrations; `{schema}` in them is its schema, or the one in which it is rebuilt. */
  readonly folder: string;
  readonly open: (schema: string) => (transaction: Pick<Transaction, "write">) => Model;
  /**
   * SQL that answers a checksum of each thing the model holds, beside that of what the context's
   * own tables say of it: rows of `what`, `model` and `tables`. Streams with events after the
   * position $1 count on neither side.
   */
  readonly checksums: (schema: string) => string;
};

/** The checksums of the model and of the tables. */
export type Checksum = { readonly what: string; readonly model: string; readonly tables: string };

/** The rebuilt model differs from the tables, so it was not swapped in. */
export class ChecksumsDiffer extends Error {
  override readonly name = "ChecksumsDiffer";
}
/** The log has an event that only a newer Basalt can read. */
export class WrittenByNewer extends Error {
  override readonly name = "WrittenByNewer";
}
/** Another process is rebuilding the model, or backing up the database. */
export class IsBeingRebuilt extends Error {
  override readonly name = "IsBeingRebuilt";
}

/** Names the advisory lock that is held while the read model of a schema is rebuilt. */
export const rebuildLock = (schema: string): string => `rebuild ${schema}`;

/** Events of one transaction. */
const batch = 2_000;

function statementsOf(log: string) {
  const name = (what: string) => `${log}.rebuild-${what}`;
  return {
    count: statement<{ readonly events: number }>(
      name("count"),
      `select count(*) as events from ${log}.events`,
    ),
    read: statement<EventRow>(
      name("read"),
      `select ${eventColumns} from ${log}.events
        where position > $1 and position <= $2 order by position limit ${batch}`,
    ),
    setUp: statement(
      name("set-up"),
      `insert into ${log}.subscriptions (name, slot)
       select $1, generate_series(0, ${slotCount - 1}) on conflict do nothing`,
    ),
    /** Up to where all of its slots have read. */
    position: statement<{ readonly position: number | null }>(
      name("position"),
      `select min(position) as position from ${log}.subscriptions where name = $1`,
    ),
    /** Fences the present projector: its tokens are older. */
    takeOver: statement(
      name("take-over"),
      `update ${log}.subscriptions set lease_token = lease_token + 1, lease_holder = null,
         updated_at = now() where name = $1`,
    ),
    move: statement(name("move"), `update ${log}.subscriptions set position = $2 where name = $1`),
    unpark: statement(name("unpark"), `delete from ${log}.parked_streams where subscription = $1`),
    tryLock: statement<{ readonly locked: boolean }>(
      name("lock"),
      "select pg_try_advisory_lock(hashtextextended($1, 0)) as locked",
    ),
    unlock: statement(name("unlock"), "select pg_advisory_unlock(hashtextextended($1, 0))"),
  };
}

type Fold<Model> = Pick<ReadModel<Model>, "projection" | "log"> & {
  readonly model: (transaction: Pick<Transaction, "write">) => Model;
};

/** Folds events into a model, in the transaction of the session. */
async function fold<Model>(
  session: Session,
  { projection, model }: Fold<Model>,
  rows: readonly EventRow[],
): Promise<void> {
  const events = rows.map(toRecorded);
  const unknown = events.find((event) => !projection.knows(event));
  if (unknown) throw new WrittenByNewer(`${unknown.type} v${unknown.schemaVersion}`);
  const wanted = events.filter(({ type }) => projection.wants(type));
  const writes: Write[] = [];
  const scope = model({ write: (mutation, values) => writes.push({ mutation, values }) });
  await projection.handle(wanted, scope, rebuilding);
  await settled(perform(session, writes));
}

const rebuilding = { actor: "system", correlationId: "rebuild", deadlineMs: Infinity } as const;

/**
 * Makes a read model anew from the first event, beside the one that stands; puts it in its place
 * when its checksums agree with the tables. Meanwhile searches and events go on. Whatever goes
 * wrong leaves the old one as it was.
 */
export async function rebuild<Model>(
  { database, connection }: { readonly database: Database; readonly connection: ClientConfig },
  readModel: ReadModel<Model>,
  onProgress: (done: number, total: number) => void = () => {},
): Promise<{ readonly events: number }> {
  const { log, schema, projection } = readModel;
  const sql = statementsOf(log);
  const next = `${schema}_next`;
  return database.session(async (lock) => {
    const [got] = await lock.query(sql.tryLock, [rebuildLock(schema)]);
    if (!got?.locked)
      throw new IsBeingRebuilt(`${projection.name} is being rebuilt or backed up now`);
    await clear(database, schema);
    await migrate(connection, [{ schema: next, source: schema, folder: readModel.folder }]);
    await grantTo(connection, next);
    const [{ events: total } = { events: 0 }] = await database.query(sql.count, []);
    const into = { projection, log, model: readModel.open(next) };
    const tell = (done: number) => onProgress(done, Math.max(total, done));
    const { until, events } = await foldAll(database, into, { next, tell });
    refuseDifferent(await checksumsIn(database, readModel, next, until));
    await swap(database, { readModel, into, next, until });
    await clear(database, schema);
    await lock.query(sql.unlock, [rebuildLock(schema)]);
    return { events };
  });
}

/** All events, each batch read while the one before it is written. */
async function foldAll<Model>(
  database: Database,
  into: Fold<Model>,
  { next, tell }: { readonly next: string; readonly tell: (done: number) => void },
): Promise<{ readonly until: number; readonly events: number }> {
  const { read } = statementsOf(into.log);
  const { horizon } = await horizonOf(database, into.log)();
  const after = (position: number) => database.query(read, [position, horizon]);
  let [until, events, analyzed] = [0, 0, batch / 4];
  let reading = after(until);
  for (let more = true; more;) {
    const rows = await reading;
    more = rows.length === batch; // what is appended meanwhile is folded when models are swapped
    until = rows.at(-1)?.position ?? until;
    if (more) {
      reading = after(until);
      reading.catch(() => {}); // reported when it is waited for
    }
    await database.session(async (session) => {
      // Until the swap a crash loses nothing that is in use.
      await session.run("begin; set local synchronous_commit = off");
      await fold(session, into, rows);
      await session.commit();
      if (events + rows.length < analyzed * 4) return;
      analyzed = events + rows.length;
      await analyze(session, next);
    });
    events += rows.length;
    tell(events);
  }
  return { until, events };
}

/** Tells the planner how much there is by now: it would go on as if the tables were empty. */
async function analyze(session: Session, schema: string): Promise<void> {
  const tables = await session.query(tablesOf, [schema]);
  for (const { tablename } of tables) await session.run(`analyze ${schema}.${tablename}`);
}

const tablesOf = statement<{ readonly tablename: string }>(
  "basalt.tables",
  "select tablename from pg_tables where schemaname = $1",
);

/** Removes the schema that an unfinished rebuild has left. */
async function clear(database: Database, schema: string): Promise<void> {
  await database.session(async (session) => {
    await session.run("begin");
    for (const left of [`${schema}_next`, `${schema}_old`]) {
      await session.run(`drop schema if exists ${left} cascade`);
      await session.run(`delete from basalt.migrations where schema = '${left}'`);
    }
    await session.commit();
  });
}

type Swap<Model> = {
  readonly readModel: ReadModel<Model>;
  readonly into: Fold<Model>;
  readonly next: string;
  readonly until: number;
};

/** Swaps the schemas once the new model has caught up with the log. */
async function swap<Model>(database: Database, { readModel, into, next, until }: Swap<Model>) {
  const { projection, log, schema } = readModel;
  const sql = statementsOf(log);
  const { horizon } = await horizonOf(database, log)();
  await database.session(async (session) => {
    await session.run("begin");
    await session.query(sql.setUp, [projection.name]);
    await session.query(sql.takeOver, [projection.name]);
    for (let position = until; position < horizon;) {
      const rows = await session.query(sql.read, [position, horizon]);
      await fold(session, into, rows);
      position = rows.at(-1)?.position ?? horizon;
    }
    // The folded position may lie behind the present horizon; it is a lower bound.
    await session.query(sql.move, [projection.name, Math.max(until, horizon)]);
    await session.query(sql.unpark, [projection.name]);
    await session.run(`alter schema ${schema} rename to ${schema}_old`);
    await session.run(`alter schema ${next} rename to ${schema}`);
    // Its migrations may be newer than those of the one that stood.
    await session.run(`delete from basalt.migrations where schema = '${schema}'`);
    await session.run(`update basalt.migrations set schema = '${schema}' where schema = '${next}'`);
    await session.commit();
  });
}

const checksumsIn = <Model>(
  database: Database,
  { checksums }: ReadModel<Model>,
  schema: string,
  position: number,
): Promise<readonly Checksum[]> =>
  database.query(statement<Checksum>(`${schema}.checksums`, checksums(schema)), [position]);

/** Throws where the two sides of a checksum differ. */
export function refuseDifferent(checksums: readonly Checksum[]): void {
  const differing = checksums.filter(({ model, tables }) => model !== tables);
  if (differing.length > 0)
    throw new ChecksumsDiffer(
      `the read model is not what the tables say: ${differing.map(({ what }) => what).join(", ")}`,
    );
}

/** The checksums of the model that stands, at the position that it has reached. */
export async function checksumsOf<Model>(
  database: Database,
  readModel: ReadModel<Model>,
): Promise<readonly Checksum[]> {
  const [row] = await database.query(statementsOf(readModel.log).position, [
    readModel.projection.name,
  ]);
  return checksumsIn(database, readModel, readModel.schema, row?.position ?? 0);
}

/** A read model without its types, as a module brings it. */
export type AnyReadModel = Pick<ReadModel<never>, "log" | "schema" | "folder"> & {
  /** The name of its projection. */
  readonly name: string;
  readonly rebuild: (
    parts: { readonly database: Database; readonly connection: ClientConfig },
    onProgress?: (done: number, total: number) => void,
  ) => Promise<{ readonly events: number }>;
  readonly checksums: (database: Database) => Promise<readonly Checksum[]>;
};

export const anyReadModel = <Model>(readModel: ReadModel<Model>): AnyReadModel => ({
  name: readModel.projection.name,
  log: readModel.log,
  schema: readModel.schema,
  folder: readModel.folder,
  rebuild: (parts, onProgress) => rebuild(parts, readModel, onProgress),
  checksums: (database) => checksumsOf(database, readModel),
});
