import { appendFileSync } from "node:fs";

/** A request that is sent until somebody answers it, always with the same idempotency key. */
export type Operation = {
  readonly key: string;
  readonly kind:
    | "user"
    | "product"
    | "receipt"
    | "reservation"
    | "import"
    | "statement"
    | "sync"
    | "file"
    | "revision"
    | "copy"
    | "back"
    | "passing"
    | "trash"
    | "purge"
    | "batch"
    | "upload"
    | "chunks"
    | "commit"
    | "pieces"
    | "transfer"
    | "posting"
    | "voiding";
  /** POST unless said. */
  readonly method?: "POST" | "PUT" | "DELETE";
  readonly path: string;
  /** The tag of the version that it is based on. */
  readonly match?: string;
  /** The key of the request that made what this one is about. */
  readonly about?: string;
  /** As JSON; a file as it is, of the type. What is deleted has none. */
  readonly body?: object | string;
  readonly type?: string;
};

export const isDone = ({ status }: Acknowledged): boolean => status < 300;

/** What the world outside was told: kept where no crash of Basalt reaches it. */
export type Acknowledged = Operation & { readonly status: number; readonly answer: string };

export type Ledger = {
  readonly acknowledged: Map<string, Acknowledged>;
  /** Whoever was told two different things for one key, or something that cannot be so. */
  readonly contradictions: string[];
  readonly note: (told: Acknowledged) => void;
  /** An attempt, with the note of its answer. */
  readonly follow: <T>(attempt: Promise<T>) => Promise<T>;
  /** Returns when every attempt that is under way now has ended, and its answer is noted. */
  readonly settled: () => Promise<void>;
  /** Takes back all but the requests of these keys: the others have not happened. */
  readonly keepOnly: (keys: ReadonlySet<string>) => void;
};

/** All that these may be refused for; nothing else may be refused at all. */
const shortages: Partial<Record<Operation["kind"], readonly string[]>> = {
  reservation: ["OUT_OF_STOCK", "TOO_MANY_RESERVATIONS"],
  transfer: ["INSUFFICIENT_FUNDS"],
  posting: ["TRANSFER_RESOLVED"],
  voiding: ["TRANSFER_RESOLVED"],
};

export function openLedger(file: string): Ledger {
  const acknowledged = new Map<string, Acknowledged>();
  const contradictions: string[] = [];
  const underWay = new Set<Promise<unknown>>();
  const undone = new Set<string>();
  return {
    async follow(attempt) {
      underWay.add(attempt);
      try {
        return await attempt;
      } finally {
        underWay.delete(attempt);
      }
    },
    settled: async () => void (await Promise.allSettled(underWay)),
    acknowledged,
    contradictions,
    keepOnly(keys) {
      for (const key of acknowledged.keys())
        if (!keys.has(key)) {
          acknowledged.delete(key);
          undone.add(key);
        }
    },
    note(told) {
      appendFileSync(file, `${JSON.stringify(told)}\n`);
      // A restore took back what a client had been told of: the client finds it gone.
      const isGone = told.status === 404 || told.answer === "CHUNKS_MISSING";
      if (isGone && told.about !== undefined && undone.has(told.about)) return;
      const before = acknowledged.get(told.key);
      const wasDone = before !== undefined && isDone(before);
      if (wasDone && before.answer !== told.answer)
        contradictions.push(`two answers to ${told.key}: ${before.answer}, then ${told.answer}`);
      if (!isDone(told) && !shortages[told.kind]?.includes(told.answer))
        contradictions.push(`${told.kind} ${told.key} was refused: ${told.answer}`);
      // What was refused left no trace: the same request may be granted later.
      if (!wasDone) acknowledged.set(told.key, told);
    },
  };
}
