import pg from "pg";
import type { Clock, Instant } from "#kernel/instant.ts";
import { TimedOut, Unavailable } from "../unavailable.ts";
import { isDiskFull, isOutage, isTimeout } from "./errors.ts";
import { coalescingSocket, Pipelines } from "./pipelines.ts";
import { NamedTurns, Turns } from "./turns.ts";

/** A named prepared statement that answers rows. Its name is unique; so is its text. */
export type Statement<Row> = {
  readonly name: string;
  readonly text: string;
  readonly row?: Row;
};

const declared = new Map<string, string>();
/** The texts of all statements of this process, by their names. */
export const declaredStatements: ReadonlyMap<string, string> = declared;

/** Declares a statement. Throws if another text has its name. */
export function statement<Row = never>(name: string, text: string): Statement<Row> {
  if ((declared.get(name) ?? text) !== text) throw new Error(`two statements are named ${name}`);
  declared.set(name, text);
  return { name, text };
}

/** A value of a statement, of the kinds that always have a spelling. JSON goes as its text. */
export type Parameter =
  | string
  | number
  | bigint
  | boolean
  | null
  | Uint8Array
  | readonly (string | number | null)[];

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
  /** Told once when the disk of the server is full, and once when there is room again. */
  readonly onDiskFull?: (isFull: boolean) => void;
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

/**
 * Of the connections, one in so many is kept for transactions whatever the load of statements, and
 * as many for statements whatever waits inside transactions.
 */
const keptForOthers = 5;
/** How long the answer of a statement that the server has ended may be on its way. */
const answerMs = 1_000;
/** An idle connection is closed after this time. */
const idleTimeoutMs = 60_000;

/** Compiling a statement (`jit`) takes longer than the longest of ours. */
const optionsOf = ({ role }: DatabaseOptions) =>
  ["timezone=UTC", "datestyle=ISO", "jit=off", ...(role === undefined ? [] : [`role=${role}`])]
    .map((option) => `-c ${option}`)
    .join(" ");

/** A pool of connections with limits and timeouts. Outages come out as `Unavailable`. */
export class Database implements AsyncDisposable {
  /** Locks within this process, taken before the same locks of the database. */
  readonly locks = new NamedTurns();
  readonly #pool: pg.Pool;
  readonly #pipelines: Pipelines;
  readonly #sessions: Turns;
  readonly #acquireTimeoutMs: number;
  readonly #maxConnections: number;
  readonly #clock: Clock;
  readonly #statementTimeoutMs: number;
  readonly #onDiskFull: (isFull: boolean) => void;
  #isDiskFull = false;
  #isEnding = false;

  constructor(options: DatabaseOptions) {
    this.#clock = options.clock;
    this.#statementTimeoutMs = options.statementTimeoutMs;
    this.#onDiskFull = options.onDiskFull ?? (() => {});
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
    const onIdleError = (error: Error) => {
      if (!this.#isEnding) options.onIdleError?.(error);
    };
    this.#pool.on("error", onIdleError);
    const most = Math.max(1, maxConnections - Math.ceil(maxConnections / keptForOthers));
    this.#sessions = new Turns(most);
    this.#acquireTimeoutMs = options.acquireTimeoutMs;
    this.#pipelines = new Pipelines({
      pool: this.#pool,
      idleTimeoutMs,
      deadAfterMs: options.statementTimeoutMs + answerMs,
      maxConnections: most,
      onIdleError,
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
      throw this.#failure(error);
    }
  }

  /** Holds one connection during `work`. What was begun and failed is rolled back. */
  async session<T>(work: (session: Session) => Promise<T>, deadlineMs?: number): Promise<T> {
    const timeoutMs = this.#timeout(deadlineMs);
    const leave = await this.#sessions.enter(Math.min(timeoutMs, this.#acquireTimeoutMs));
    try {
      return await this.#within(timeoutMs, work);
    } finally {
      leave();
    }
  }

  async #within<T>(timeoutMs: number, work: (session: Session) => Promise<T>): Promise<T> {
    if (this.#isFull()) this.#pipelines.yieldOne();
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#failure(error);
    });
    const ignore = () => {}; // the query under way reports the same error
    client.on("error", ignore);
    let isClean = false;
    const session = sessionOn(client, timeoutMs);
    try {
      const result = await work(session);
      isClean = client.getTransactionStatus() === idle;
      return result;
    } catch (error) {
      session.close();
      isClean = await isRolledBack(client);
      throw this.#failure(error);
    } finally {
      session.close();
      client.off("error", ignore);
      client.release(!isClean);
    }
  }

  /** Throws `Unavailable` where it does not answer, or cannot store more. */
  async assertReady(): Promise<void> {
    await this.query(ping, []);
    if (!this.#isDiskFull) return;
    await this.session(async ({ run }) => run(takeRoom));
    this.#tellDisk(false);
  }

  #failure(error: unknown): unknown {
    if (isDiskFull(error)) this.#tellDisk(true);
    return asUnavailable(error);
  }

  #tellDisk(isFull: boolean): void {
    if (this.#isDiskFull !== isFull) this.#onDiskFull(isFull);
    this.#isDiskFull = isFull;
  }

  stats(): { readonly total: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return {
      total: totalCount,
      idle: idleCount + this.#pipelines.idle,
      waiting: waitingCount + this.#sessions.waiting,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnding = true;
    this.#pipelines.close();
    if (!this.#pool.ended) await this.#pool.end();
  }

  #isFull(): boolean {
    return this.#pool.idleCount === 0 && this.#pool.totalCount >= this.#maxConnections;
  }

  /** Later than the server ends a statement: it says what was ended, a timer of ours does not know. */
  #timeout(deadlineMs: number | undefined): number {
    const mostMs = this.#statementTimeoutMs + answerMs;
    if (deadlineMs === undefined) return mostMs;
    const leftMs = deadlineMs - this.#clock.unixMs();
    if (leftMs <= 0) throw new Unavailable("The deadline of the request has passed", {});
    return Math.min(leftMs, mostMs);
  }
}

const ping = statement("basalt.ping", "select 1");

/** Takes eight megabytes of the disk and gives them back. */
const takeRoom = `begin; create temp table room (block text) on commit drop;
  alter table room alter column block set storage plain;
  insert into room select repeat('x', 8000) from generate_series(1, 1024); rollback`;

/** `ReadyForQuery` outside of any transaction. Source: PostgreSQL, message formats. */
const idle = "I";

/** Until it is closed: then its connection is another one's. */
function sessionOn(client: pg.PoolClient, timeoutMs: number): Session & { close: () => void } {
  let isOpen = true;
  const send = async (query: Query) => {
    if (!isOpen) throw new Error("the session has ended: what is still asked on it is refused");
    const timed: Query = { ...query, query_timeout: timeoutMs };
    return client.query(timed);
  };
  return {
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
    close: () => void (isOpen = false),
  };
}

/** Whether a connection on which something failed is as good as new: another one costs some ms. */
async function isRolledBack(client: pg.PoolClient): Promise<boolean> {
  const text = "rollback; select pg_advisory_unlock_all()";
  const query: Query = { text, query_timeout: answerMs };
  try {
    await client.query(query);
    return client.getTransactionStatus() === idle;
  } catch {
    return false;
  }
}

function asUnavailable(error: unknown): unknown {
  if (isTimeout(error)) return new TimedOut("A statement took too long", { cause: error });
  return isOutage(error)
    ? new Unavailable("The database does not answer", { cause: error })
    : error;
}
