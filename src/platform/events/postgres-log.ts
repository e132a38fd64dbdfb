import type { EventId, EventMetadata, Recorded } from "#kernel/event.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement, type Database, type Parameter } from "../postgres/database.ts";
import { mutation, type Mutation, type Write } from "../postgres/writes.ts";
import type { Horizon, Look, Mark } from "./subscription-store.ts";

/** Events in one insert as rows of their own, which is the quickest for a few. */
const maxEventsPerInsert = 8;
/** Events in one insert as arrays; more go into several of one transaction. */
const maxEventsInArrays = 1_000;

const columns = 8;
type Value = string | number;

function insertOf(schema: string, rows: number): Mutation {
  const placeholders = Array.from({ length: rows }, (_, row) => {
    const first = row * columns;
    return `(${Array.from({ length: columns }, (_unused, i) => `$${first + i + 1}`).join(", ")})`;
  });
  return mutation(
    `${schema}.append-${rows}`,
    "events",
    `insert into ${schema}.events
       (id, stream, version, type, schema_version, payload, metadata, occurred_at)
     values ${placeholders.join(", ")}`,
  );
}

const arraysOf = (schema: string): Mutation =>
  mutation(
    `${schema}.append-many`,
    "events",
    `insert into ${schema}.events
       (id, stream, version, type, schema_version, payload, metadata, occurred_at)
     select e.id, e.stream, e.version, e.type, e.schema_version, e.payload::jsonb, e.metadata::jsonb, e.occurred_at
       from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::int[], $6::text[], $7::text[], $8::timestamptz[])
            with ordinality as e(id, stream, version, type, schema_version, payload, metadata, occurred_at, place)
      order by e.place`,
  );

const valuesOf = (event: Recorded): readonly Value[] => [
  event.id,
  event.stream,
  event.version,
  event.type,
  event.schemaVersion,
  JSON.stringify(event.payload),
  JSON.stringify(event.metadata),
  event.occurredAt,
];

const columnsOf = (rows: readonly (readonly Value[])[]): readonly Parameter[] =>
  Array.from({ length: columns }, (_, i) => rows.flatMap((row) => row[i] ?? []));

/** Makes the writes that append events to the log of a schema. */
export function appendsTo(schema: string): (events: readonly Recorded[]) => readonly Write[] {
  const many = arraysOf(schema);
  const inserts = Array.from({ length: maxEventsPerInsert }, (_, i) => insertOf(schema, i + 1));
  return (events) => {
    const writes: Write[] = [];
    for (let first = 0; first < events.length; first += maxEventsInArrays) {
      const rows = events.slice(first, first + maxEventsInArrays).map(valuesOf);
      const insert = inserts[rows.length - 1];
      if (insert) writes.push({ mutation: insert, values: rows.flat() });
      else writes.push({ mutation: many, values: columnsOf(rows) });
    }
    return writes;
  };
}

export type EventRow = {
  readonly position: number;
  readonly id: string;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  readonly schema_version: number;
  readonly payload: unknown;
  readonly metadata: EventMetadata;
  readonly occurred_at: Instant;
};

export const eventColumns =
  "position, id, stream, version, type, schema_version, payload, metadata, occurred_at";

export const toRecorded = (row: EventRow): Recorded => ({
  id: row.id as EventId,
  stream: row.stream,
  version: row.version as Version,
  type: row.type,
  schemaVersion: row.schema_version,
  payload: row.payload,
  metadata: row.metadata,
  occurredAt: row.occurred_at,
});

export function horizonOf(database: Database, schema: string): () => Promise<Horizon> {
  const ask = statement<Horizon>(
    `${schema}.horizon`,
    `select head, horizon from ${schema}.horizon()`,
  );
  return async () => {
    const [answer] = await database.query(ask, []);
    if (!answer) throw new Error(`${schema}.horizon() answers nothing`);
    return answer;
  };
}

type LookRow = {
  readonly head: number;
  readonly position: number | null;
  readonly id: string | null;
  readonly is_same: boolean;
};

/**
 * How far a log can be read, and whether it has the event that was the last one before. That one stays final while the log has it, though
 * the horizon goes back to where the block of positions begins that a writer has begun in.
 */
export function lookAt(
  database: Database,
  schema: string,
): (before: Mark | undefined) => Promise<Look> {
  const ask = statement<LookRow>(
    `${schema}.look`,
    `select h.head, last.position, last.id, $1::bigint is null or known.position is not null as is_same
       from ${schema}.horizon() h
       left join ${schema}.events known on known.position = $1 and known.id = $2
       left join lateral (select position, id from ${schema}.events
                           where position <= greatest(h.horizon, known.position)
                           order by position desc limit 1) last on true`,
  );
  return async (before) => {
    const [row] = await database.query(ask, [before?.position ?? null, before?.id ?? null]);
    if (!row) throw new Error(`${schema}.horizon() answers nothing`);
    const { head, position, id, is_same: isSame } = row;
    return {
      head,
      isSame,
      ...(position === null || id === null ? {} : { mark: { position, id } }),
    };
  };
}

/** Which slot a stream belongs to: the same for every reader, for ever. */
export const slotOfStream = "abs(hashtextextended(stream, 0) % 64)";
