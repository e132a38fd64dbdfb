import { LRUCache } from "lru-cache";
import type { Change } from "#kernel/change.ts";
import type { Event, Registry } from "#kernel/event.ts";
import { saving, type Saves } from "#kernel/repository.ts";
import type { Version, Versioned } from "#kernel/version.ts";
import { statement } from "../postgres/database.ts";
import type { Transaction } from "../postgres/unit-of-work.ts";
import { mutation } from "../postgres/writes.ts";
import { decoded } from "./decoded.ts";

/** How an aggregate is made of its events. */
export type EventSourcing<Key, State extends Versioned & Key, E extends Event> = {
  readonly events: Registry<E>;
  readonly streamOf: (key: Key) => string;
  /** The state before the first event. */
  readonly none: (key: Key) => State;
  /** The state after events; its version is the log's. */
  readonly replay: (state: State, events: readonly E[]) => State;
  /** Goes up with each change of `replay`: snapshots of an older one are ignored. */
  readonly reducer: number;
  /** A state as JSON, and back. */
  readonly toSnapshot: (state: State) => object;
  readonly fromSnapshot: (key: Key, snapshot: unknown) => State;
  /** How many things a state holds. A larger one gets snapshots less often and takes more memory. */
  readonly sizeOf: (state: State) => number;
};

type EventSourced<Key, State extends Versioned, E extends Event> = Saves<State, E> & {
  readonly byKey: (key: Key) => Promise<State>;
};

/** A snapshot is kept after so many events, or after about as many as the state holds. */
const snapshotEvery = 25;
/** Remembered states at most, counted with the things that they hold. */
const maxRemembered = 100_000;

/** First the snapshot, which has no type, then the events after it. */
type HistoryRow = {
  readonly id: string;
  readonly version: number;
  readonly type: string | null;
  readonly schema_version: number;
  readonly payload: unknown;
};

const statementsOf = (schema: string) => ({
  history: statement<HistoryRow>(
    `${schema}.history`,
    `with snapshot as (select version, state from ${schema}.snapshots where stream = $1 and reducer = $2)
     select e.id, e.version, null as type, 0 as schema_version, s.state as payload
       from snapshot s join ${schema}.events e on e.stream = $1 and e.version = s.version
     union all
     select id, version, type, schema_version, payload from ${schema}.events
      where stream = $1 and version > coalesce((select version from snapshot), 0)
     order by version`,
  ),
  /** From the event on that is known to be the last one. */
  since: statement<HistoryRow>(
    `${schema}.history-since`,
    `select id, version, type, schema_version, payload from ${schema}.events
      where stream = $1 and version >= $2 order by version`,
  ),
  keepSnapshot: mutation(
    `${schema}.snapshot-upsert`,
    "snapshots",
    `insert into ${schema}.snapshots (stream, version, reducer, state) values ($1, $2, $3, $4)
     on conflict (stream) do update set version = excluded.version, reducer = excluded.reducer,
       state = excluded.state`,
  ),
});

/**
 * The repository of an event-sourced aggregate, in a context whose schema has a table `snapshots`
 * (stream, version, reducer, state). A load reads the snapshot and the events after it; a state that
 * this process has loaded before is remembered, and only what came after it is read. `keep` writes
 * rows that are made of a change.
 */
export function eventSourced<Key, State extends Versioned & Key, E extends Event>(
  schema: string,
  sourcing: EventSourcing<Key, State, E>,
) {
  const { events, streamOf, none, replay, reducer, toSnapshot, fromSnapshot, sizeOf } = sourcing;
  const statements = statementsOf(schema);
  const memory = new LRUCache<string, { readonly state: State; readonly lastEvent: string }>({
    maxSize: maxRemembered,
    sizeCalculation: ({ state }) => 1 + sizeOf(state),
  });

  const after = (state: State, rows: readonly HistoryRow[]): State => {
    const last = rows.at(-1);
    if (!last) return state;
    const happened = rows.flatMap(({ type, schema_version: schemaVersion, payload }) =>
      type === null ? [] : [decoded(events, { type, schemaVersion, payload })],
    );
    return { ...replay(state, happened), version: last.version as Version };
  };
  const stateOf = (key: Key, rows: readonly HistoryRow[]): State => {
    const [first] = rows;
    if (first?.type !== null) return after(none(key), rows);
    const begun = { ...fromSnapshot(key, first.payload), version: first.version as Version };
    return after(begun, rows.slice(1));
  };
  const remembered = (stream: string, state: State, lastEvent: string): State => {
    memory.set(stream, { state, lastEvent });
    return state;
  };
  const isDue = (before: Version, state: State) => {
    const interval = Math.max(snapshotEvery, 2 ** Math.ceil(Math.log2(sizeOf(state))));
    return Math.floor(state.version / interval) > Math.floor(before / interval);
  };

  return (
    { read, write, append }: Transaction,
    keep: (state: State, change: Change<State, E>) => void,
  ): EventSourced<Key, State, E> => ({
    /** A remembered state is valid while the log still has its last event. */
    async byKey(key) {
      const stream = streamOf(key);
      const known = memory.get(stream);
      const [anchor, ...later] = known
        ? await read(statements.since, [stream, known.state.version])
        : [];
      if (known && anchor?.id === known.lastEvent)
        return remembered(stream, after(known.state, later), later.at(-1)?.id ?? known.lastEvent);
      const rows = await read(statements.history, [stream, reducer]);
      const state = stateOf(key, rows);
      const last = rows.at(-1);
      return last ? remembered(stream, state, last.id) : state;
    },
    save: saving<State, E>(append, streamOf, (state, change) => {
      keep(state, change);
      if (isDue(change.state.version, state))
        write(statements.keepSnapshot, [
          streamOf(state),
          state.version,
          reducer,
          JSON.stringify(toSnapshot(state)),
        ]);
    }),
  });
}
