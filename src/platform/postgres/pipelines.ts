import { Socket } from "node:net";
import type pg from "pg";
import { Unavailable } from "../unavailable.ts";
import { isOutage } from "./errors.ts";

export type PipelinesOptions = {
  readonly pool: pg.Pool;
  /** Connections used at most; the pool has others for transactions. */
  readonly maxConnections: number;
  /** After so long without a statement, a connection goes back to the pool. */
  readonly idleTimeoutMs: number;
  readonly onIdleError: (error: Error) => void;
};

/**
 * Sends independent statements over few connections. A free connection is taken where there is
 * one; else the statement goes behind those on the least busy: it would have to wait anyway, and
 * what leaves and returns together costs a third of the processor time.
 */
export class Pipelines {
  readonly #options: PipelinesOptions;
  readonly #open: Pipeline[] = [];
  /** Connections open and retired, until they are given back. */
  #held = 0;

  constructor(options: PipelinesOptions) {
    this.#options = options;
  }

  /** Answers, or refuses after `timeoutMs`: a statement that was sent by then may have its effect. */
  query(query: pg.QueryConfig, timeoutMs: number): Promise<pg.QueryResult> {
    return this.#leastBusy().query(query, timeoutMs);
  }

  get idle(): number {
    return this.#open.filter(({ waiting }) => waiting === 0).length;
  }

  /** Gives a connection on which nobody waits back to the pool, if there is one. */
  yieldOne(): void {
    this.#open.find(({ waiting }) => waiting === 0)?.retire();
  }

  close(): void {
    for (const pipeline of [...this.#open]) pipeline.retire();
  }

  #leastBusy(): Pipeline {
    let least = this.#open[0];
    for (const pipeline of this.#open)
      if (least && pipeline.waiting < least.waiting) least = pipeline;
    return least && (least.waiting === 0 || !this.#mayGrow()) ? least : this.#add();
  }

  #mayGrow(): boolean {
    const { pool, maxConnections } = this.#options;
    const hasRoom = pool.idleCount > 0 || pool.totalCount < pool.options.max;
    return hasRoom && this.#held < maxConnections;
  }

  #add(): Pipeline {
    const pipeline = new Pipeline(this.#options, {
      retired: () => this.#open.splice(this.#open.indexOf(pipeline), 1),
      released: () => {
        this.#held -= 1;
      },
    });
    this.#held += 1;
    this.#open.push(pipeline);
    return pipeline;
  }
}

/** A connection on which statements follow each other without waiting for answers. */
class Pipeline {
  /** Callers who have no answer yet. */
  waiting = 0;
  readonly #options: PipelinesOptions;
  readonly #on: { readonly retired: () => void; readonly released: () => void };
  readonly #client: Promise<pg.PoolClient>;
  readonly #idleTimer: NodeJS.Timeout;
  #retired = false;
  /** Something on it failed or is late: nobody may use the connection again. */
  #broken = false;

  constructor(
    options: PipelinesOptions,
    on: { readonly retired: () => void; readonly released: () => void },
  ) {
    this.#options = options;
    this.#on = on;
    this.#client = options.pool.connect();
    this.#client.then(
      (client) => client.on("error", this.#onError),
      () => {}, // whoever waits is told
    );
    this.#idleTimer = setTimeout(() => {
      if (this.waiting === 0) this.retire();
    }, options.idleTimeoutMs).unref();
  }

  query(query: pg.QueryConfig, timeoutMs: number): Promise<pg.QueryResult> {
    this.waiting += 1;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        fail(new Unavailable("The database does not answer in time", {}), true);
      }, timeoutMs);
      let waits = true;
      const settle = (): boolean => {
        if (!waits) return false;
        waits = false;
        clearTimeout(timer);
        return true;
      };
      const fail = (error: Error, broken: boolean) => {
        if (!settle()) return;
        this.#leave(broken);
        reject(error);
      };
      const send = (client: pg.PoolClient) => {
        if (!waits) return;
        client.query(query, (error: Error | null, result: pg.QueryResult) => {
          if (error) return fail(error, isOutage(error));
          if (!settle()) return;
          this.#leave(false);
          resolve(result);
        });
      };
      this.#client.then(send, (error: Error) => fail(error, true));
    });
  }

  /** Takes no more statements; goes back to the pool, or is closed, when nobody waits. */
  retire(): void {
    if (this.#retired) return;
    this.#retired = true;
    clearTimeout(this.#idleTimer);
    this.#on.retired();
    if (this.waiting === 0) this.#release();
  }

  readonly #onError = (error: Error): void => {
    if (this.waiting === 0) this.#options.onIdleError(error); // else its statements report the same
    this.#broken = true;
    this.retire();
  };

  #leave(broken: boolean): void {
    this.waiting -= 1;
    this.#broken ||= broken;
    if (this.waiting > 0) {
      if (this.#broken) this.retire();
    } else if (this.#retired) this.#release();
    else if (this.#broken || this.#options.pool.waitingCount > 0) this.retire();
    else this.#idleTimer.refresh();
  }

  #release(): void {
    this.#on.released();
    this.#client.then(
      (client) => {
        client.off("error", this.#onError);
        client.release(this.#broken);
        // The pool closes politely, after the last answer: one may never come.
        if (this.#broken) client.connection.stream.destroy();
      },
      () => {}, // it was never there
    );
  }
}

/** Enough for the server to begin with, while the rest is being written. */
const sendAtBytes = 2_048;

/** A socket that sends what `pg` writes in one turn of the event loop with few system calls. */
export function coalescingSocket(): Socket {
  const socket = new Socket();
  const uncork = socket.uncork.bind(socket);
  let corked = 0;
  const send = () => {
    for (; corked > 0; corked -= 1) uncork();
  };
  socket.uncork = () => {
    corked += 1;
    if (socket.writableLength >= sendAtBytes) send();
    else if (corked === 1) setImmediate(send);
  };
  return socket;
}
