import pg from "pg";
import type { Clock, Instant } from "#kernel/instant.ts";
import { Unavailable } from "../unavailable.ts";
import { isOutage } from "./errors.ts";
import { coalescingSocket, Pipelines } from "./pipelines.ts";

/** A named prepared statement that answers rows. Its name is unique; so is its text. */
export type Statement<Row> = {
  readonly name: string;
  readonly text: string;
  readonly row?: Row;
};

export const statement = <Row = never>(name: string, text: string): Statement<Row> => ({
  name,
  text,
});

/** A value of a statement, of the kinds that always have a spelling. JSON goes as its text. */
export type Parameter =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly (string | number)[];

export type DatabaseOptions = {
  readonly connection: pg.ClientConfig;
  readonly clock: Clock;
  /** Connections at most. */
  readonly maxConnections: number;
  /** How long a transaction, or a statement with no connection to share, waits for one. */
  readonly acquireTimeoutMs: number;
  /** How long one statement may take, at the server and seen from here. */
  readonly statementTimeoutMs: number;
  /** The server ends a transaction that idles longer: it would hold back every event reader. */
  readonly idleInTransactionTimeoutMs: number;
  readonly onIdleError?: (error: Error) => void;
  /** The role that every connection takes on, with less rights than the login. */
  readonly role?: string | undefined;
};

const bigints = 20;
const timestamps = 1184;

/** bigint as number (positions and versions stay below 2^53), timestamptz as `Instant`. */
const types: pg.CustomTypesConfig = {
  getTypeParser(oid: number, format?: "text" | "binary") {
    if (oid === bigints) return Number;
    if (oid === timestamps) return toInstant;
    return pg.types.getTypeParser(oid, format);
  },
};

/** From Postgres' ISO style in UTC, as in `2026-01-31 12:00:00.5+00`. */
const toInstant = (text: string): Instant =>
  `${text.slice(0, 10)}T${text.slice(11, 19)}.${text.slice(20, -3).padEnd(3, "0").slice(0, 3)}Z` as Instant;

type Query = {
  readonly name?: string;
  readonly text: string;
  readonly values?: unknown[];
  /** Known to `pg`, unknown to its types. */
  readonly query_timeout?: number;
};

/**
 * One connection, held for as long as the caller works with it. Inside, ask the session and not the
 * database: a statement on another connection may wait for locks of this one.
 */
export type Session = {
  readonly query: <Row>(statement: Statement<Row>, values: readonly Parameter[]) => Promise<Row[]>;
  /** Plain SQL without parameters: transaction control. */
  readonly run: (sql: string) => Promise<void>;
  /** Throws where something has failed: a server answers that commit with a rollback. */
  readonly commit: () => Promise<void>;
};

/** Of the connections, one in so many is kept for transactions whatever the load of statements. */
const keptForSessions = 4;
/** How long the answer of a statement that the server has ended may be on its way. */
const answerMs = 1_000;
/** A connection that nobody has needed for so long is closed. */
const idleTimeoutMs = 60_000;

/** Compiling a statement (`jit`) takes longer than the longest of ours. */
const optionsOf = ({ role }: DatabaseOptions) =>
  ["timezone=UTC", "datestyle=ISO", "jit=off", ...(role === undefined ? [] : [`role=${role}`])]
    .map((option) => `-c ${option}`)
    .join(" ");

/** A pool of connections with limits and timeouts. Outages come out as `Unavailable`. */
export class Database implements AsyncDisposable {
  readonly #pool: pg.Pool;
  readonly #pipelines: Pipelines;
  readonly #maxConnections: number;
  readonly #clock: Clock;
  readonly #statementTimeoutMs: number;

  constructor(options: DatabaseOptions) {
    this.#clock = options.clock;
    this.#statementTimeoutMs = options.statementTimeoutMs;
    const { maxConnections } = options;
    this.#maxConnections = maxConnections;
    this.#pool = new pg.Pool({
      application_name: "basalt",
      ...options.connection,
      types,
      pipeline: true,
      stream: coalescingSocket,
      keepAlive: true,
      max: maxConnections,
      connectionTimeoutMillis: options.acquireTimeoutMs,
      idleTimeoutMillis: idleTimeoutMs,
      statement_timeout: options.statementTimeoutMs,
      lock_timeout: options.statementTimeoutMs,
      idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
      options: optionsOf(options),
    });
    // Between being taken and being listened to, a connection may end: nobody needs to hear it.
    this.#pool.on("connect", (client) => client.on("error", () => {}));
    this.#pool.on("error", (error) => options.onIdleError?.(error));
    const kept = Math.ceil(maxConnections / keptForSessions);
    this.#pipelines = new Pipelines({
      pool: this.#pool,
      idleTimeoutMs,
      deadAfterMs: options.statementTimeoutMs + answerMs,
      maxConnections: Math.max(1, maxConnections - kept),
      onIdleError: (error) => options.onIdleError?.(error),
    });
  }

  /** Runs one statement in a transaction of its own: one round trip. */
  async query<Row>(
    { name, text }: Statement<Row>,
    values: readonly Parameter[],
    deadlineMs?: number,
  ): Promise<Row[]> {
    const timeoutMs = this.#timeout(deadlineMs);
    try {
      const query = { name, text, values: values as unknown[] };
      const { rows } = await this.#pipelines.query(query, timeoutMs);
      return rows as Row[];
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /** Holds one connection during `work`. One on which something failed is closed. */
  async session<T>(work: (session: Session) => Promise<T>, deadlineMs?: number): Promise<T> {
    const query_timeout = this.#timeout(deadlineMs);
    if (this.#isFull()) this.#pipelines.yieldOne();
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw asUnavailable(error);
    });
    const send = (query: Query) => {
      const timed: Query = { ...query, query_timeout };
      return client.query(timed);
    };
    const ignore = () => {}; // the query under way reports the same error
    client.on("error", ignore);
    try {
      const result = await work({
        query: async ({ name, text }, values) => {
          const { rows } = await send({ name, text, values: values as unknown[] });
          return rows;
        },
        run: async (sql) => {
          await send({ text: sql });
        },
        commit: async () => {
          const { command } = await send({ text: "commit" });
          if (command !== "COMMIT") throw new Error("the transaction was rolled back");
        },
      });
      client.off("error", ignore);
      client.release();
      return result;
    } catch (error) {
      client.off("error", ignore);
      client.release(true);
      throw asUnavailable(error);
    }
  }

  stats(): { readonly total: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { total: totalCount, idle: idleCount + this.#pipelines.idle, waiting: waitingCount };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#pipelines.close();
    if (!this.#pool.ended) await this.#pool.end();
  }

  #isFull(): boolean {
    return this.#pool.idleCount === 0 && this.#pool.totalCount >= this.#maxConnections;
  }

  #timeout(deadlineMs: number | undefined): number {
    if (deadlineMs === undefined) return this.#statementTimeoutMs;
    const leftMs = deadlineMs - this.#clock.unixMs();
    if (leftMs <= 0) throw new Unavailable("The deadline of the request has passed", {});
    return Math.min(leftMs, this.#statementTimeoutMs);
  }
}

const asUnavailable = (error: unknown): unknown =>
  isOutage(error) ? new Unavailable("The database does not answer", { cause: error }) : error;
