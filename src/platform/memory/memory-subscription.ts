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
  commits: number;
  holder: string | undefined;
  until: number;
};

/** The state that several readers of one subscription share: what Postgres keeps in tables. */
export class MemorySubscriptionState {
  readonly parked = new Map<string, ParkedStream>();
  readonly #rows: readonly Row[];
  readonly #seenUntil = new Map<string, number>();

  constructor(partitions: number) {
    this.#rows = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      checkpoint: beginning,
      token: 0,
      commits: 0,
      holder: undefined,
      until: 0,
    }));
  }

  partitionOf(stream: string): number {
    return fnv1a(stream) % this.#rows.length;
  }

  /** The row of a lease, while nobody has taken it or gone on from it. */
  rowOf({ partition, token, commits }: Lease): Row {
    const row = this.#rows[partition];
    if (!row || row.token !== token || row.commits !== commits)
      throw new LeaseLost(`partition ${partition}`);
    return row;
  }

  share(process: string, leaseMs: number, nowMs: number): readonly Row[] {
    this.#seenUntil.set(process, nowMs + leaseMs);
    const alive = [...this.#seenUntil.values()].filter((until) => until > nowMs).length;
    const fair = Math.ceil(this.#rows.length / alive);
    const isHeld = (row: Row) => row.holder === process && row.until > nowMs;
    const candidates = this.#rows
      .filter((row) => row.holder === process || row.until <= nowMs)
      .toSorted((a, b) => Number(isHeld(b)) - Number(isHeld(a)));
    for (const [rank, row] of candidates.entries()) {
      const kept = isHeld(row);
      const take = rank < fair;
      if (!kept && take) row.token += 1;
      if (take) row.holder = process;
      else if (kept) row.holder = undefined;
      row.until = take ? nowMs + leaseMs : 0;
    }
    return candidates.filter((row) => row.holder === process);
  }

  leave(process: string): void {
    this.#seenUntil.delete(process);
    for (const row of this.#rows) {
      if (row.holder !== process) continue;
      row.holder = undefined;
      row.until = 0;
    }
  }
}

/** FNV-1a, 32 bits. */
function fnv1a(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1)
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) >>> 0;
  return hash;
}

const toLease = ({ partition, token, commits, checkpoint }: Row): Lease => ({
  ...{ partition, token, commits, checkpoint },
});

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
  const { parked } = state;
  const isMine = ({ stream }: { readonly stream: string }, { partition }: Lease) =>
    state.partitionOf(stream) === partition;

  return {
    async share(process, held, leaseMs) {
      return state
        .share(process, leaseMs, clock.unixMs())
        .map(
          (row) =>
            held.find((own) => own.partition === row.partition && own.token === row.token) ??
            toLease(row),
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

    async parked(lease) {
      return [...parked.values()].filter((waiting) => isMine(waiting, lease));
    },

    async commit(lease, { checkpoint, park, unpark }, effects) {
      const parts: MemoryPart[] = [];
      await effects((cause) => {
        const pending = new MemoryPending();
        parts.push({ context: causedBy(cause, clock), pending });
        return scope(pending.transaction);
      });
      const row = state.rowOf(lease);
      if (!store.commit(...parts)) throw new Error("the effects of a batch clash with a row");
      row.checkpoint = checkpoint;
      row.commits += 1;
      if (park) parked.set(park.stream, park);
      const waiting = unpark && parked.get(unpark.stream);
      if (waiting && unpark.next === "caught-up") parked.delete(unpark.stream);
      else if (waiting && unpark.next !== "caught-up")
        parked.set(unpark.stream, { ...waiting, version: unpark.next, attempts: 0 });
    },

    async leave(process) {
      state.leave(process);
    },
  };
}
