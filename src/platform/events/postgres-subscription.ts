import type { Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database, type Parameter, type Session } from "../postgres/database.ts";
import { brokenBy } from "../postgres/errors.ts";
import type { ScopeOn, Transaction } from "../postgres/unit-of-work.ts";
import { maxWritesInOneStatement, perform, settled, type Write } from "../postgres/writes.ts";
import { appendsTo, eventColumns, toRecorded, type EventRow } from "./postgres-log.ts";
import { causedBy, record, type Recorder } from "./record.ts";
import {
  LeaseLost,
  type Checkpoint,
  type Lease,
  type ParkedStream,
  type Progress,
  type SubscriptionStore,
} from "./subscription-store.ts";

export type PostgresSubscriptionOptions<Scope> = Recorder & {
  readonly database: Database;
  /** Whose log is read, and keeps how far. */
  readonly schema: string;
  /** Whose log the effects announce events in: the same, unless said. */
  readonly into?: string;
  readonly name: string;
  readonly partitions: number;
  readonly scope: ScopeOn<Scope>;
  readonly onAppended: (types: ReadonlySet<string>) => void;
};

type LeaseRow = {
  readonly partition: number;
  readonly lease_token: number;
  readonly commits: number;
  readonly epoch: number;
  readonly transaction_id: string;
  readonly position: number;
};

type ParkedRow = {
  readonly stream: string;
  readonly version: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly attempts: number;
  readonly retry_at: Instant | null;
  readonly error: string;
  readonly correlation_id: string;
};

const toCheckpoint = (
  row: Pick<LeaseRow, "epoch" | "transaction_id" | "position">,
): Checkpoint => ({
  epoch: row.epoch,
  transactionId: row.transaction_id,
  position: row.position,
});

const toLease = (row: LeaseRow): Lease => ({
  partition: row.partition,
  token: row.lease_token,
  commits: row.commits,
  checkpoint: toCheckpoint(row),
});

const toParked = (row: ParkedRow): ParkedStream => ({
  stream: row.stream,
  version: row.version as Version,
  eventId: row.event_id,
  eventType: row.event_type,
  attempts: row.attempts,
  ...(row.retry_at === null ? {} : { retryAt: row.retry_at }),
  error: row.error,
  correlationId: row.correlation_id,
});

/** Which partition a stream belongs to: the same for every reader, whatever its process. */
const partitionOf = (partitions: number) => `abs(hashtextextended(stream, 0) % ${partitions}) `;

const nameIn = (schema: string) => (what: string) => `${schema}.subscription-${what}`;

/** Who reads which partition. */
function leaseStatements(schema: string) {
  const name = nameIn(schema);
  return {
    setUp: statement(
      name("set-up"),
      `insert into ${schema}.subscriptions (name, partition)
       select $1, generate_series(0, $2::int - 1) on conflict do nothing`,
    ),
    greet: statement(
      name("greet"),
      `insert into ${schema}.subscribers (name, process, seen_at) values ($1, $2, now())
       on conflict (name, process) do update set seen_at = excluded.seen_at`,
    ),
    /** Fair share: partitions over living processes, rounded up. Surplus partitions go back. */
    share: statement<LeaseRow>(
      name("share"),
      `with alive as (
         select greatest(count(*), 1) as processes from ${schema}.subscribers
          where name = $1 and seen_at > now() - make_interval(secs => $3::float8 / 1000)
       ), fair as (
         select ceil($4::float8 / processes) as partitions from alive
       ), candidates as (
         select partition, lease_holder is not distinct from $2 and lease_until > now() as held
           from ${schema}.subscriptions
          where name = $1 and partition < $4
            and (lease_holder = $2 or lease_until is null or lease_until < now())
          order by held desc, partition
            for update skip locked
       ), ranked as (
         select partition, held, row_number() over (order by held desc, partition) as rank
           from candidates
       )
       update ${schema}.subscriptions s
          set lease_holder = case when r.rank <= fair.partitions then $2 end,
              lease_until = case when r.rank <= fair.partitions
                then now() + make_interval(secs => $3::float8 / 1000) end,
              lease_token = s.lease_token + case when r.held then 0 else 1 end,
              updated_at = now()
         from ranked r, fair
        where s.name = $1 and s.partition = r.partition
          and (r.held or r.rank <= fair.partitions)
       returning s.partition, s.lease_token, s.commits, s.epoch, s.transaction_id, s.position,
                 s.lease_holder`,
    ),
    leave: statement(
      name("leave"),
      `with gone as (delete from ${schema}.subscribers where name = $1 and process = $2)
       update ${schema}.subscriptions set lease_holder = null, lease_until = null
        where name = $1 and lease_holder = $2`,
    ),
  };
}

/** What there is to deliver. */
function readStatements(schema: string, partitions: number) {
  const mine = partitions === 1 ? "$5::int is not null" : `${partitionOf(partitions)} = $5::int`;
  const name = nameIn(schema);
  return {
    read: statement<EventRow>(
      name(`read-${partitions}`),
      `select ${eventColumns} from ${schema}.events
        where (epoch, transaction_id, position) > ($1::smallint, $2::xid8, $3::bigint)
          and (epoch, transaction_id) < ((select max(epoch) from ${schema}.epochs),
                                         pg_snapshot_xmin(pg_current_snapshot()))
          and ${mine}
        order by epoch, transaction_id, position limit $4`,
    ),
    readStream: statement<EventRow>(
      name("read-stream"),
      `select ${eventColumns} from ${schema}.events
        where stream = $1 and version >= $2
          and (epoch, transaction_id, position) <= ($3::smallint, $4::xid8, $5::bigint)
        order by version limit $6`,
    ),
    parked: statement<ParkedRow>(
      name("parked"),
      `select stream, version, event_id, event_type, attempts, retry_at, error, correlation_id
         from ${schema}.parked_streams where subscription = $1 and partition = $2`,
    ),
  };
}

/** How far the reader is. */
function progressStatements(schema: string) {
  const name = nameIn(schema);
  return {
    /**
     * A lost lease breaks the not-null of its token, and so does a count that is behind: an earlier
     * commit arrived, though its answer was lost. The whole transaction fails, in one trip.
     */
    advance: statement(
      name("advance"),
      `update ${schema}.subscriptions
          set lease_token = case when lease_token = $3 and commits = $7 then lease_token end,
              commits = commits + 1, epoch = $4, transaction_id = $5::xid8, position = $6, updated_at = now()
        where name = $1 and partition = $2`,
    ),
    park: statement(
      name("park"),
      `insert into ${schema}.parked_streams (subscription, partition, stream, version, event_id,
         event_type, attempts, retry_at, error, correlation_id)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
       on conflict (subscription, stream) do update set version = excluded.version,
         event_id = excluded.event_id, event_type = excluded.event_type,
         attempts = excluded.attempts, retry_at = excluded.retry_at, error = excluded.error,
         correlation_id = excluded.correlation_id`,
    ),
    unpark: statement(
      name("unpark"),
      `delete from ${schema}.parked_streams where subscription = $1 and stream = $2`,
    ),
    moveOn: statement(
      name("move-on"),
      `update ${schema}.parked_streams set version = $3, attempts = 0
        where subscription = $1 and stream = $2`,
    ),
  };
}

export async function postgresSubscription<Scope>(
  options: PostgresSubscriptionOptions<Scope>,
): Promise<SubscriptionStore<Scope>> {
  const { database, schema, name, partitions } = options;
  const sql = { ...leaseStatements(schema), ...readStatements(schema, partitions) };
  await database.query(sql.setUp, [name, partitions]);

  return {
    async share(process, held, leaseMs) {
      await database.query(sql.greet, [name, process]);
      const rows = (await database.query(sql.share, [
        name,
        process,
        leaseMs,
        partitions,
      ])) as (LeaseRow & { lease_holder: string | null })[];
      const leases = rows.filter((row) => row.lease_holder === process).map(toLease);
      return leases.map(
        (lease) =>
          held.find(
            ({ partition, token }) => partition === lease.partition && token === lease.token,
          ) ?? lease,
      );
    },

    async read({ partition, checkpoint: { epoch, transactionId, position } }, limit) {
      const place = [epoch, transactionId, position];
      const rows = await database.query(sql.read, [...place, limit, partition]);
      return rows.map((row) => ({ event: toRecorded(row), checkpoint: toCheckpoint(row) }));
    },

    async readStream({ checkpoint }, stream, version, limit): Promise<readonly Recorded[]> {
      const { epoch, transactionId, position } = checkpoint;
      const place = [epoch, transactionId, position];
      const rows = await database.query(sql.readStream, [stream, version, ...place, limit]);
      return rows.map(toRecorded);
    },

    async parked({ partition }) {
      return (await database.query(sql.parked, [name, partition])).map(toParked);
    },

    commit: committing(options),

    async leave(process) {
      await database.query(sql.leave, [name, process]);
    },
  };
}

/** One transaction for the effects of a batch and the progress of its reader. */
function committing<Scope>(
  options: PostgresSubscriptionOptions<Scope>,
): SubscriptionStore<Scope>["commit"] {
  const { database, schema, into = schema, name, scope, clock, onAppended } = options;
  const appends = appendsTo(into);
  const moves = movesOf(schema, name);

  return async (lease, progress, effects) => {
    const types = new Set<string>();
    try {
      await database.session(async (session) => {
        const transaction = new Effects(session);
        transaction.send(session.run("begin"), ...moves(session, lease, progress));
        const run = effects((cause) =>
          scope({
            read: transaction.read,
            write: (of, values) => transaction.write({ mutation: of, values }),
            append(stream, version, events) {
              for (const { type } of events) types.add(type);
              const announced = [{ stream, version, events }];
              transaction.write(...appends(record(options, causedBy(cause, clock), announced)));
            },
          }),
        );
        await run.catch(async (error: unknown) => {
          throw await transaction.reason(error);
        });
        await transaction.commit();
      });
    } catch (error) {
      throw brokenBy(error) === "lease_token"
        ? new LeaseLost(`${name}/${lease.partition}`, { cause: error })
        : error;
    }
    if (types.size > 0) onAppended(types);
  };
}

function movesOf(schema: string, name: string) {
  const sql = progressStatements(schema);
  return (session: Session, lease: Lease, { checkpoint, park, unpark }: Progress) => {
    const { epoch, transactionId, position } = checkpoint;
    const place = [lease.partition, lease.token, epoch, transactionId, position];
    const advanced = session.query(sql.advance, [name, ...place, lease.commits]);
    const sent: Promise<unknown>[] = [advanced];
    if (park) sent.push(session.query(sql.park, [name, lease.partition, ...parkedValues(park)]));
    if (unpark?.next === "caught-up") sent.push(session.query(sql.unpark, [name, unpark.stream]));
    else if (unpark) sent.push(session.query(sql.moveOn, [name, unpark.stream, unpark.next]));
    return sent;
  };
}

/** The transaction of a batch. Its effects leave while handlers still run. */
class Effects {
  readonly #session: Session;
  readonly #answers: Promise<unknown>[] = [];
  #collected: Write[] = [];

  constructor(session: Session) {
    this.#session = session;
  }

  send(...answers: readonly Promise<unknown>[]): void {
    for (const answer of answers) answer.catch(() => {}); // reported at the end
    this.#answers.push(...answers);
  }

  write(...writes: readonly Write[]): void {
    this.#collected.push(...writes);
    if (this.#collected.length >= maxWritesInOneStatement) this.#flush();
  }

  /** Sees what was written before: later events of a batch build on earlier ones. */
  readonly read: Transaction["read"] = (query, values) => {
    this.#flush();
    const answer = this.#session.query(query, values);
    this.send(answer);
    return answer;
  };

  async commit(): Promise<void> {
    this.#flush();
    await settled([...this.#answers, this.#session.commit()]);
  }

  #flush(): void {
    this.send(...perform(this.#session, this.#collected));
    this.#collected = [];
  }

  /** Why the batch failed: what broke the transaction first, else what its handler threw. */
  async reason(thrown: unknown): Promise<unknown> {
    const answers = await Promise.allSettled(this.#answers);
    const failure = answers.find(({ status }) => status === "rejected");
    return failure?.status === "rejected" ? failure.reason : thrown;
  }
}

const parkedValues = (parked: ParkedStream): readonly Parameter[] => [
  parked.stream,
  parked.version,
  parked.eventId,
  parked.eventType,
  parked.attempts,
  parked.retryAt ?? null,
  parked.error,
  parked.correlationId,
];
