import type { Recorded } from "#kernel/event.ts";
import type { Clock } from "#kernel/instant.ts";
import { causedBy } from "../events/record.ts";
import {
  beginning,
  LeaseLost,
  type Checkpoint,
  type Lease,
  type ParkedStream,
  type SubscriptionStore,
} from "../events/subscription-store.ts";
import {
  MemoryPending,
  type MemoryPart,
  type MemoryScope,
  type MemoryStore,
} from "./memory-store.ts";

type Row = {
  readonly partition: number;
  checkpoint: Checkpoint;
  token: number;
  holder: string | undefined;
  until: number;
};

/** The state that several readers of one subscription share: what Postgres keeps in tables. */
export class MemorySubscriptionState {
  readonly rows: readonly Row[];
  readonly parked = new Map<string, ParkedStream>();
  readonly seenUntil = new Map<string, number>();

  constructor(partitions: number) {
    this.rows = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      checkpoint: beginning,
      token: 0,
      holder: undefined,
      until: 0,
    }));
  }
}

/** FNV-1a, 32 bits: which partition a stream belongs to. */
function partitionOf(stream: string, partitions: number): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < stream.length; i += 1)
    hash = Math.imul(hash ^ stream.charCodeAt(i), 0x01000193) >>> 0;
  return hash % partitions;
}

export function memorySubscription<Scope>({
  store,
  state,
  scope,
  clock,
}: {
  readonly store: MemoryStore;
  readonly state: MemorySubscriptionState;
  readonly scope: MemoryScope<Scope>;
  readonly clock: Clock;
}): SubscriptionStore<Scope> {
  const { rows, parked, seenUntil } = state;
  const nowMs = clock.unixMs;
  const isMine = ({ stream }: Recorded, { partition }: Lease) =>
    partitionOf(stream, rows.length) === partition;
  const toLease = ({ partition, token, checkpoint }: Row): Lease => ({
    partition,
    token,
    checkpoint,
  });
  const rowOf = ({ partition, token }: Lease): Row => {
    const row = rows[partition];
    if (!row || row.token !== token) throw new LeaseLost(`partition ${partition}`);
    return row;
  };

  return {
    async share(process, held, leaseMs) {
      const now = nowMs();
      seenUntil.set(process, now + leaseMs);
      const alive = [...seenUntil.values()].filter((until) => until > now).length;
      const fair = Math.ceil(rows.length / alive);
      const isHeld = (row: Row) => row.holder === process && row.until > now;
      const candidates = rows
        .filter((row) => row.holder === process || row.until <= now)
        .toSorted((a, b) => Number(isHeld(b)) - Number(isHeld(a)));
      for (const [rank, row] of candidates.entries()) {
        const kept = isHeld(row);
        const take = rank < fair;
        if (!kept && take) row.token += 1;
        if (take) row.holder = process;
        else if (kept) row.holder = undefined;
        row.until = take ? now + leaseMs : 0;
      }
      const leases = candidates.filter((row) => row.holder === process).map(toLease);
      return leases.map(
        ({ partition, token, checkpoint }) =>
          held.find((own) => own.partition === partition && own.token === token) ?? {
            partition,
            token,
            checkpoint,
          },
      );
    },

    async read(lease, limit) {
      const deliveries = [];
      for (
        let position = lease.checkpoint.position + 1;
        position <= store.log.length && deliveries.length < limit;
        position += 1
      ) {
        const event = store.log[position - 1];
        if (event && isMine(event, lease))
          deliveries.push({ event, checkpoint: { epoch: 1, transactionId: "1", position } });
      }
      return deliveries;
    },

    async readStream({ checkpoint }, stream, version, limit) {
      return store.log
        .slice(0, checkpoint.position)
        .filter((event) => event.stream === stream && event.version >= version)
        .slice(0, limit);
    },

    async parked({ partition }) {
      return [...parked.values()].filter(
        ({ stream }) => partitionOf(stream, rows.length) === partition,
      );
    },

    async commit(lease, { checkpoint, park, unpark }, effects) {
      const parts: MemoryPart[] = [];
      await effects((cause) => {
        const pending = new MemoryPending();
        parts.push({ context: causedBy(cause, clock), pending });
        return scope(pending.transaction);
      });
      const row = rowOf(lease);
      if (!store.commit(...parts)) throw new Error("the effects of a batch clash with a row");
      row.checkpoint = checkpoint;
      if (park) parked.set(park.stream, park);
      const waiting = unpark && parked.get(unpark.stream);
      if (waiting && unpark.next === "caught-up") parked.delete(unpark.stream);
      else if (waiting && unpark.next !== "caught-up")
        parked.set(unpark.stream, { ...waiting, version: unpark.next, attempts: 0 });
    },

    async leave(process) {
      seenUntil.delete(process);
      for (const row of rows) {
        if (row.holder !== process) continue;
        row.holder = undefined;
        row.until = 0;
      }
    },
  };
}
