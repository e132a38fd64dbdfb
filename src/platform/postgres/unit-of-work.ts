import { isSameRequest, type Context, type IdempotencyKey } from "#kernel/context.ts";
import type { Event } from "#kernel/event.ts";
import { err, type Result } from "#kernel/result.ts";
import type { Conflict, LockOptions, UnitsOfWork } from "#kernel/unit-of-work.ts";
import type { Version } from "#kernel/version.ts";
import { entryOf } from "#kernel/audit.ts";
import { auditWrite } from "../audit/postgres-audit.ts";
import { appendsTo } from "../events/postgres-log.ts";
import { record, type Announced, type Recorder } from "../events/record.ts";
import { IdempotencyKeyReused, refuseSecond, settle } from "../idempotency.ts";
import { fromText, toText } from "../json.ts";
import {
  statement,
  type Database,
  type Parameter,
  type Session,
  type Statement,
} from "./database.ts";
import { isLostRace } from "./errors.ts";
import { noteWork } from "../telemetry/tracing.ts";
import { mutation, perform, send, settled, type Mutation, type Write } from "./writes.ts";

/** The transaction of a repository. Reads run at once; writes leave together with the unit of work. */
export type Transaction = {
  readonly read: <Row>(statement: Statement<Row>, values: readonly Parameter[]) => Promise<Row[]>;
  /** The first value is the key of the row. */
  readonly write: (mutation: Mutation, values: readonly Parameter[]) => void;
  /** Announces events of an aggregate that was loaded at `version`. */
  readonly append: (stream: string, version: Version, events: readonly Event[]) => void;
};

/** Builds the ports of a context on a transaction. */
export type ScopeOn<Scope> = (transaction: Transaction) => Scope;

export type UnitOfWorkOptions<Scope> = Recorder & {
  readonly database: Database;
  /** The context's schema, which has its event log. */
  readonly schema: string;
  readonly scope: ScopeOn<Scope>;
  /** Called after a commit with the types of its events, to wake readers. */
  readonly onAppended: (types: ReadonlySet<string>) => void;
};

type Outcome = Result<unknown, unknown>;

/** Collects the changes of a unit of work. */
class Pending {
  readonly writes: Write[] = [];
  readonly announced: Announced[] = [];

  types(): ReadonlySet<string> {
    const types = new Set<string>();
    for (const { events } of this.announced) for (const { type } of events) types.add(type);
    return types;
  }

  transaction(read: Transaction["read"]): Transaction {
    return {
      read,
      write: (mutation, values) => this.writes.push({ mutation, values }),
      append: (stream, version, events) => this.announced.push({ stream, version, events }),
    };
  }
}

const lockStatement = statement(
  "basalt.lock",
  "select pg_advisory_xact_lock(hashtextextended($1, 0))",
);

/** A decided unit of work with its changes. */
type Decided = {
  readonly context: Context;
  readonly pending: Pending;
  readonly outcome: Outcome;
};

type Work<Scope, R> = (scope: Scope) => Promise<R>;

type Unit<Scope> = UnitOfWorkOptions<Scope> & {
  /** All that leaves together: rows, events, the answer to an idempotent request, the audit. */
  readonly writesOf: (decided: Decided) => readonly Write[];
};

export function postgresUnitOfWork<Scope>(options: UnitOfWorkOptions<Scope>): UnitsOfWork<Scope> {
  const { database, schema, scope, clock } = options;
  const keys = idempotencyKeys(schema);
  const appends = appendsTo(schema);
  const unit: Unit<Scope> = {
    ...options,
    writesOf: ({ context, pending, outcome }) => [
      ...pending.writes,
      ...appends(record(options, context, pending.announced)),
      ...keys.writes(context, outcome, clock.now()),
      ...entries(context, pending),
    ],
  };

  /** The stored answer to the same request, if there is one. */
  async function answered<R extends Outcome>(
    context: Context,
    idempotency: IdempotencyKey,
  ): Promise<R | undefined> {
    const asked = [context.actor, idempotency.key];
    const [stored] = await database.query(keys.find, asked, context.deadlineMs);
    if (!stored) return undefined;
    if (!isSameRequest(idempotency, stored.fingerprint)) throw new IdempotencyKeyReused();
    return fromText(stored.outcome) as R;
  }

  return {
    read: (context, query) =>
      query(scope(new Pending().transaction(readWithin(database, context)))),

    async unitOfWork<R extends Outcome>(
      context: Context,
      work: Work<Scope, R>,
      { lock = [] }: LockOptions = {},
    ) {
      const { idempotency } = context;
      refuseSecond(idempotency);
      const first = idempotency && (await answered<R>(context, idempotency));
      if (first) return first;
      try {
        const outcome =
          lock.length > 0
            ? await locking(unit, context, work, lock)
            : await optimistic(unit, context, work);
        if (outcome.ok) settle(idempotency);
        if (outcome.ok || !idempotency) return outcome;
        // It may be refused because of what the same request has done in between.
        return (await answered<R>(context, idempotency)) ?? outcome;
      } catch (error) {
        if (!isLostRace(error)) throw error;
        const racing = idempotency && (await answered<R>(context, idempotency));
        return racing ?? err<Conflict>({ type: "conflict" });
      }
    },
  };
}

/** The audit entry of a unit of work that belongs to an operation. */
function entries(context: Context, { announced }: Pending): readonly Write[] {
  if (context.operation === undefined || announced.length === 0) return [];
  const targets = [...new Set(announced.map(({ stream }) => stream))];
  return [auditWrite(entryOf(context, { outcome: "ok", targets }))];
}

const readWithin =
  (database: Database, { deadlineMs }: Context): Transaction["read"] =>
  (query, values) =>
    database.query(query, values, deadlineMs);

async function optimistic<Scope, R extends Outcome>(
  { database, scope, writesOf, onAppended }: Unit<Scope>,
  context: Context,
  work: Work<Scope, R>,
): Promise<R> {
  const pending = new Pending();
  const outcome = await work(scope(pending.transaction(readWithin(database, context))));
  if (!outcome.ok) return outcome;

  const writes = writesOf({ context, pending, outcome });
  if (writes.length > 0) await send(database, writes, context.deadlineMs);
  if (pending.announced.length > 0) told(onAppended, pending);
  return outcome;
}

function told(onAppended: (types: ReadonlySet<string>) => void, pending: Pending): void {
  noteWork();
  onAppended(pending.types());
}

/** Waits for its locks in this process first, so that only the next waiter holds a connection. */
async function locking<Scope, R extends Outcome>(
  unit: Unit<Scope>,
  context: Context,
  work: Work<Scope, R>,
  locks: readonly string[],
): Promise<R> {
  const { database, clock, onAppended } = unit;
  const names = [...new Set(locks)].toSorted();
  const leave = await database.locks.enter(names, context.deadlineMs - clock.unixMs());
  const pending = new Pending();
  let outcome: R;
  try {
    outcome = await database.session(
      (session) => locked(unit, { context, work, pending, names, session }),
      context.deadlineMs,
    );
  } finally {
    leave();
  }
  if (outcome.ok && pending.announced.length > 0) told(onAppended, pending);
  return outcome;
}

type Locked<Scope, R> = {
  readonly context: Context;
  readonly work: Work<Scope, R>;
  readonly pending: Pending;
  readonly names: readonly string[];
  readonly session: Session;
};

async function locked<Scope, R extends Outcome>(
  { scope, writesOf }: Unit<Scope>,
  { context, work, pending, names, session }: Locked<Scope, R>,
): Promise<R> {
  const holds = settled([
    session.run("begin isolation level read committed"),
    ...names.map((name) => session.query(lockStatement, [name])),
  ]);
  // Reads follow at once: on the same connection, they run when the locks are held.
  const [outcome] = await Promise.all([
    work(scope(pending.transaction(session.query))).catch(async (error: unknown) => {
      await holds; // a lock that failed made the reads behind it fail
      throw error;
    }),
    holds,
  ]);
  if (outcome.ok) {
    const writes = writesOf({ context, pending, outcome });
    await settled([...perform(session, writes), session.commit()]);
  } else {
    await session.run("rollback");
  }
  return outcome;
}

type Answer = { readonly fingerprint: string; readonly outcome: string };

function idempotencyKeys(schema: string) {
  const insert = mutation(
    `${schema}.idempotency-insert`,
    "idempotency_keys",
    `insert into ${schema}.idempotency_keys (key, actor, fingerprint, outcome, created_at)
     values ($1, $2, $3, $4, $5)`,
  );
  return {
    find: statement<Answer>(
      `${schema}.idempotency-find`,
      `select fingerprint, outcome::text as outcome from ${schema}.idempotency_keys where actor = $1 and key = $2`,
    ),
    writes: ({ actor, idempotency }: Context, outcome: Outcome, now: string): readonly Write[] => {
      if (!idempotency) return [];
      const { key, fingerprint } = idempotency;
      return [{ mutation: insert, values: [key, actor, fingerprint, toText(outcome), now] }];
    },
  };
}
