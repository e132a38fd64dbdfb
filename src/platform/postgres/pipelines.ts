import { Socket } from "node:net";
import type pg from "pg";
import { Unavailable } from "../unavailable.ts";
import { isOutage } from "./errors.ts";

/** A connection on which statements follow each other without waiting for answers. */
type Pipeline = {
  readonly client: Promise<pg.PoolClient>;
  /** Callers who have no answer yet. */
  waiting: number;
  /** Takes no more statements; closed when nobody waits any longer. */
  retired: boolean;
};

export type PipelinesOptions = {
  readonly pool: pg.Pool;
  /** Connections used at most; the pool has others for transactions. */
  readonly maxConnections: number;
};

/**
 * Sends independent statements over few connections. A free connection is taken where there is
 * one; else the statement goes behind those on the least busy: it would have to wait anyway, and
 * what leaves and returns together costs a third of the processor time.
 */
export class Pipelines {
  readonly #pool: pg.Pool;
  readonly #maxConnections: number;
  readonly #open: Pipeline[] = [];

  constructor({ pool, maxConnections }: PipelinesOptions) {
    this.#pool = pool;
    this.#maxConnections = maxConnections;
  }

  /** Answers, or refuses after `timeoutMs`: a statement that was sent by then may have its effect. */
  query(query: pg.QueryConfig, timeoutMs: number): Promise<pg.QueryResult> {
    const pipeline = this.#leastBusy();
    pipeline.waiting += 1;
    return new Promise((resolve, reject) => {
      let waits = true;
      const settle = (retire: boolean): boolean => {
        if (!waits) return false;
        waits = false;
        clearTimeout(timer);
        this.#leave(pipeline, retire);
        return true;
      };
      const timer = setTimeout(() => {
        if (settle(true)) reject(new Unavailable("The database does not answer in time", {}));
      }, timeoutMs);
      const fail = (error: unknown) => {
        if (settle(isOutage(error))) reject(error as Error);
      };
      pipeline.client
        .then((client) => {
          if (!waits) return;
          client.query(query).then((result) => {
            if (settle(false)) resolve(result);
          }, fail);
        })
        .catch(fail);
    });
  }

  #leastBusy(): Pipeline {
    let least = this.#open[0];
    for (const pipeline of this.#open)
      if (!least || pipeline.waiting < least.waiting) least = pipeline;
    return least && this.#open.length >= this.#maxConnections ? least : this.#add();
  }

  #add(): Pipeline {
    const pipeline: Pipeline = { client: this.#pool.connect(), waiting: 0, retired: false };
    pipeline.client.then(
      (client) => client.on("error", ignore),
      () => {}, // whoever waits is told
    );
    this.#open.push(pipeline);
    return pipeline;
  }

  #leave(pipeline: Pipeline, retire: boolean): void {
    pipeline.waiting -= 1;
    pipeline.retired ||= retire;
    if (pipeline.retired || pipeline.waiting === 0) {
      const place = this.#open.indexOf(pipeline);
      if (place !== -1) this.#open.splice(place, 1);
    }
    if (pipeline.waiting === 0)
      void pipeline.client.then(
        (client) => {
          client.off("error", ignore);
          client.release(pipeline.retired);
        },
        () => {}, // it was never there
      );
  }
}

/** The statements under way report the same error. */
const ignore = (): void => {};

/** A socket that sends all that `pg` writes in one turn of the event loop with one system call. */
export function coalescingSocket(): Socket {
  const socket = new Socket();
  const uncork = socket.uncork.bind(socket);
  let corked = 0;
  socket.uncork = () => {
    corked += 1;
    if (corked > 1) return;
    setImmediate(() => {
      for (; corked > 0; corked -= 1) uncork();
    });
  };
  return socket;
}
