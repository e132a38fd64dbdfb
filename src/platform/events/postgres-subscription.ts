import type { Recorded } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { isLeaseLost, isLostRace } from "../postgres/errors.ts";
import type { ScopeOn } from "../postgres/unit-of-work.ts";
import { perform, settled, type Write } from "../postgres/writes.ts";
import { appendsTo, lookAt, toRecorded } from "./postgres-log.ts";
import { causedBy, record, type Recorder } from "./record.ts";
import {
  memberStatements,
  progressStatements,
  readStatements,
  toParked,
  toRow,
  type DueRow,
} from "./subscription-statements.ts";
import {
  LeaseLost,
  LostRace,
  slotCount,
  type Beginning,
  type Due,
  type DueStreams,
  type Mark,
  type Member,
  type Move,
  type Progress,
  type SubscriptionStore,
  type Work,
} from "./subscription-store.ts";

export type PostgresSubscriptionOptions<Scope> = Recorder & {
  readonly database: Database;
  /** The schema whose log is read, and which keeps the progress. */
  readonly schema: string;
  /** The schema in whose log effects announce events; the same by default. */
  readonly into?: string;
  readonly name: string;
  readonly scope: ScopeOn<Scope>;
  readonly onAppended: (types: ReadonlySet<string>) => void;
};

/** The slots of a commit: their numbers, tokens and counts. */
const slotsOf = (moves: readonly Move[]): readonly Parameter[] => [
  moves.map(({ held }) => held.slot),
  moves.map(({ held }) => held.token),
  moves.map(({ held }) => held.commits),
];

/** A subscription that is not registered begins with the first event. */
export function postgresSubscription<Scope>(
  options: PostgresSubscriptionOptions<Scope>,
): SubscriptionStore<Scope> {
  const { database, schema, name } = options;
  const sql = { ...memberStatements(schema), ...readStatements(schema) };
  const beat = ({ process, declaration, waitsAt }: Member) =>
    database.query(sql.beat, [name, process, declaration, waitsAt ?? null]);
  let isRegistered = false;

  return {
    async beat(member) {
      await beat(member);
    },

    async share(member) {
      const { declaration } = member;
      if (!isRegistered)
        await registerSubscriptions(database, schema, [{ name, declaration, atEnd: false }]);
      isRegistered = true;
      await beat(member);
      const rows = await database.query(sql.share, [name, member.process, member.leaseMs]);
      return { held: rows.filter(({ slot }) => slot !== null), fair: rows[0]?.fair ?? 0 };
    },

    async release(process, slots) {
      await database.query(sql.release, [name, process, slots]);
    },

    async leave(process) {
      await database.query(sql.leave, [name, process]);
    },

    look: lookAt(database, schema),

    async read({ slots, after, until, limit }) {
      const rows =
        slots.length === slotCount
          ? await database.query(sql.readAll, [after, until, limit])
          : await database.query(sql.read, [after, until, limit, slots]);
      return rows.map((row) => {
        const { position, slot } = row;
        return { event: toRecorded(row), position, slot };
      });
    },

    adopt: (slots, { now, running, maxAttempts }) =>
      database.query(sql.adopt, [name, slots, now, running, maxAttempts]),

    async due(held, { now, except, limit }): Promise<DueStreams> {
      const [slots, positions] = [held.map(({ slot }) => slot), held.map((one) => one.position)];
      const values = [name, slots, except, limit, positions, now];
      const rows = await database.query(sql.due, values);
      const next = rows.find(({ is_due: isDue }) => !isDue)?.retry_at;
      return {
        due: rows.filter(({ is_due: isDue }) => isDue).map(toDue),
        ...(next ? { nextAt: next } : {}),
      };
    },

    ...committing(options),
  };
}

function toDue({ events, ...row }: DueRow): Due {
  const [event, next] = (events ?? []).map((one) =>
    // As JSON, a time has another spelling than as a column.
    toRecorded({ ...one, occurred_at: expect(Instant.parse(one.occurred_at)) }),
  );
  const attempted = event && !row.is_skipped;
  return { parked: toParked(row), ...(attempted ? { event } : {}), ...(next ? { next } : {}) };
}

/** One transaction for the effects of a batch and the progress of its reader. */
function committing<Scope>(
  options: PostgresSubscriptionOptions<Scope>,
): Pick<SubscriptionStore<Scope>, "open" | "commit"> {
  const { database, schema, into = schema, name, onAppended } = options;
  const sql = progressStatements(schema);
  const appends = appendsTo(into);

  async function send(
    writes: readonly Write[],
    { moves, park, unpark }: Progress,
    mark: Mark | undefined,
  ) {
    const progress = [
      name,
      ...slotsOf(moves),
      moves.map(({ to }) => to),
      JSON.stringify(park.map(toRow)),
      unpark.map(({ stream }) => stream),
      unpark.map(({ version }) => version),
      mark?.position ?? null,
      mark?.id ?? null,
    ];
    if (writes.length === 0) return database.query(sql.progress, progress);
    return database.session((session) =>
      settled([
        session.run("begin"),
        ...perform(session, writes),
        session.query(sql.progress, progress),
        session.commit(),
      ]),
    );
  }

  /** An error names the lost slot only where that was reached, so it is queried. */
  async function reasonOf(error: unknown, moves: readonly Move[]): Promise<unknown> {
    if (isLeaseLost(error)) return new LeaseLost(name, { cause: error });
    const [found] = await database.query(sql.areHeld, [name, ...slotsOf(moves)]);
    if (found?.held !== moves.length) return new LeaseLost(name, { cause: error });
    return isLostRace(error) ? new LostRace(name, { cause: error }) : error;
  }

  return {
    open: async (cause, settle) => new PostgresWork({ ...options, appends }, cause, settle),

    async commit(progress, works, mark) {
      const own = works as readonly PostgresWork<Scope>[];
      try {
        await send(
          own.flatMap(({ writes }) => writes),
          progress,
          mark,
        );
      } catch (error) {
        throw await reasonOf(error, progress.moves);
      }
      const types = new Set(own.flatMap((work) => [...work.types]));
      if (types.size > 0) onAppended(types);
    },
  };
}

type WorkOptions<Scope> = PostgresSubscriptionOptions<Scope> & {
  readonly appends: ReturnType<typeof appendsTo>;
};

/** A handler asks for something after it has ended, or after its time. */
class HandlerEnded extends Error {
  override readonly name = "HandlerEnded";

  constructor(consumer: string, { id, type }: Recorded) {
    super(
      `The handler of ${consumer} for ${type} ${id} has ended: what it still asks is refused. It must await all that it begins.`,
    );
  }
}

/** Collects the writes of a handler. Its reads run at once, as in a unit of work. */
class PostgresWork<Scope> implements Work<Scope> {
  readonly scope: Scope;
  readonly writes: Write[] = [];
  readonly types = new Set<string>();
  readonly #name: string;
  readonly #cause: Recorded;
  #isOpen = true;
  #broken: { readonly error: unknown } | undefined;

  constructor(options: WorkOptions<Scope>, cause: Recorded, settle: () => Promise<void>) {
    const { database, clock, appends } = options;
    this.#name = options.name;
    this.#cause = cause;
    this.scope = options.scope({
      read: async (query, values) => {
        this.#checkOpen();
        try {
          await settle();
          return await database.query(query, values);
        } catch (error) {
          this.#broken ??= { error };
          throw error;
        }
      },
      write: (mutation, values) => this.#add({ mutation, values }),
      append: (stream, version, events) => {
        const announced = [{ stream, version, events }];
        this.#add(...appends(record(options, causedBy(cause, clock), announced)));
        for (const { type } of events) this.types.add(type);
      },
    });
  }

  check(): void {
    if (this.#broken) throw this.#broken.error;
  }

  close(): void {
    this.#isOpen = false;
  }

  #add(...writes: readonly Write[]): void {
    this.#checkOpen();
    this.writes.push(...writes);
  }

  #checkOpen(): void {
    if (!this.#isOpen) throw new HandlerEnded(this.#name, this.#cause);
  }
}

/** Makes the slots of subscriptions that are new, all at once: so that none comes before another. */
export async function registerSubscriptions(
  database: Database,
  schema: string,
  beginnings: readonly Beginning[],
): Promise<void> {
  const register = statement(
    `${schema}.subscription-register`,
    `with new as (
       select * from unnest($1::text[], $2::text[], $3::boolean[]) as n(name, declaration, at_end)
     ), declared as (
       insert into ${schema}.declarations (name, declaration) select name, declaration from new
       on conflict do nothing
     )
     insert into ${schema}.subscriptions (name, slot, position)
     select name, slot, case when at_end and exists (select from ${schema}.subscriptions)
                             then (select horizon from ${schema}.horizon()) else 0 end
       from new, generate_series(0, ${slotCount - 1}) slot
     on conflict do nothing`,
  );
  await database.query(register, [
    beginnings.map(({ name }) => name),
    beginnings.map(({ declaration }) => declaration),
    beginnings.map(({ atEnd }) => String(atEnd)),
  ]);
}
