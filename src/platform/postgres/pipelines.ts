import { Socket } from "node:net";
import pg from "pg";
import { Unavailable } from "../unavailable.ts";
import { isOutage } from "./errors.ts";

export type PipelinesOptions = {
  readonly pool: pg.Pool;
  /** Connections used at most; the pool has others for transactions. */
  readonly maxConnections: number;
  /** After so long without a statement, a connection goes back to the pool. */
  readonly idleTimeoutMs: number;
  /** The server has ended every statement by then: a connection that still owes an answer is dead. */
  readonly deadAfterMs: number;
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
    return this.#best().query(query, timeoutMs);
  }

  get idle(): number {
    return this.#open.filter(({ waiting }) => waiting === 0).length;
  }

  /** Gives one idle connection back to the pool. */
  yieldOne(): void {
    this.#open.find(({ waiting }) => waiting === 0)?.retire();
  }

  close(): void {
    for (const pipeline of this.#open.slice()) pipeline.retire();
  }

  /** The least busy, of those that are not late if there is one. */
  #best(): Pipeline {
    let best = this.#open[0];
    for (const pipeline of this.#open) if (best && pipeline.isBetterThan(best)) best = pipeline;
    return best && (best.waiting === 0 || !this.#mayGrow()) ? best : this.#add();
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
  /** Statements that have no answer yet. */
  waiting = 0;
  /** Statements whose callers have given up. Later statements wait behind them. */
  #late = 0;
  readonly #options: PipelinesOptions;
  readonly #on: { readonly retired: () => void; readonly released: () => void };
  readonly #client: Promise<pg.PoolClient>;
  readonly #idleTimer: NodeJS.Timeout;
  #retired = false;
  /** A statement failed or is late, so the connection is not used again. */
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

  isBetterThan(other: Pipeline): boolean {
    if (this.#late > 0 !== other.#late > 0) return this.#late === 0;
    return this.waiting < other.waiting;
  }

  /**
   * Who is refused leaves the statement behind: closing the connection would not end it at the
   * server, and the next connection would be one too many there.
   */
  query(query: pg.QueryConfig, timeoutMs: number): Promise<pg.QueryResult> {
    this.waiting += 1;
    return new Promise((resolve, reject) => {
      let isOver = false;
      let isLate = false;
      const end = (broken: boolean, tell: () => void) => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        if (isLate) this.#late -= 1;
        else tell();
        this.#leave(broken);
      };
      const giveUp = () => {
        isLate = true;
        this.#late += 1;
        reject(new Unavailable("The database does not answer in time", {}));
        const leftMs = Math.max(0, this.#options.deadAfterMs - timeoutMs);
        timer = setTimeout(() => end(true, () => {}), leftMs);
      };
      let timer = setTimeout(giveUp, timeoutMs);
      const send = (client: pg.PoolClient) => {
        if (isLate) return end(false, () => {});
        client.query(
          namedQuery(query, (error, result) =>
            error ? end(isOutage(error), () => reject(error)) : end(false, () => resolve(result)),
          ),
        );
        if (this.waiting === 1) sendNow(client.connection.stream);
      };
      this.#client.then(send, (error: Error) => end(true, () => reject(error)));
    });
  }

  /** Takes no more statements; goes back to the pool, or is closed, once it is idle. */
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

type Callback = (error: Error | null, result: pg.QueryResult) => void;

/** Made from a text, since `pg` copies a config by property descriptors, which costs some 2 µs. */
function namedQuery({ name, text, values }: pg.QueryConfig, callback: Callback): pg.Query {
  const query = new pg.Query(text, values as unknown[]);
  return Object.assign(query, { name, callback });
}

/** Enough for the server to begin with, while the rest is being written. */
const sendAtBytes = 2_048;

const senders = new WeakMap<object, () => void>();

/** Nothing is on its way on this connection: what was written need not wait for more. */
const sendNow = (socket: object): void => senders.get(socket)?.();

/** A socket that sends what `pg` writes in one turn of the event loop with few system calls. */
export function coalescingSocket(): Socket {
  const socket = new Socket();
  const uncork = socket.uncork.bind(socket);
  let corked = 0;
  const send = () => {
    for (; corked > 0; corked -= 1) uncork();
  };
  senders.set(socket, send);
  socket.uncork = () => {
    corked += 1;
    if (socket.writableLength >= sendAtBytes) send();
    else if (corked === 1) setImmediate(send);
  };
  return socket;
}
