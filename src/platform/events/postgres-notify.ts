import { setTimeout as sleep } from "node:timers/promises";
import pg, { type ClientConfig } from "pg";
import type { Logger } from "pino";
import { statement, type Database } from "../postgres/database.ts";
import type { WakeUp } from "./wake-up.ts";

const channel = "basalt_events";
/** Calls within this time leave as one NOTIFY: each takes a lock of the whole server. */
const coalesceMs = 2;
const connectWithinMs = 5_000;
const firstPauseMs = 100;
const maxPauseMs = 5_000;

type Listening = { readonly ended: Promise<void> };

const notify = statement("basalt.notify", "select pg_notify($1, $2)");

/**
 * Wakes the readers of other processes. NOTIFY is sent after the commit, on a connection of its
 * own: inside the transaction it would halve the commit rate. What is lost, the poll finds.
 */
export class PostgresNotify implements AsyncDisposable {
  readonly #database: Database;
  readonly #connection: ClientConfig;
  readonly #wakeUps: ReadonlyMap<string, WakeUp>;
  readonly #log: Logger;
  readonly #due = new Set<string>();
  #timer: NodeJS.Timeout | undefined;
  #client: pg.Client | undefined;
  #listening: Promise<void> | undefined;
  readonly #stop = new AbortController();

  /** `wakeUps`: by schema. */
  constructor(options: {
    readonly database: Database;
    readonly connection: ClientConfig;
    readonly wakeUps: ReadonlyMap<string, WakeUp>;
    readonly log: Logger;
  }) {
    this.#database = options.database;
    this.#connection = options.connection;
    this.#wakeUps = options.wakeUps;
    this.#log = options.log;
  }

  async start(): Promise<this> {
    this.#listening = this.#keepListening(await this.#listen());
    return this;
  }

  /** There are new events in the log of a schema. */
  announce(schema: string): void {
    if (this.#isStopping) return;
    this.#due.add(schema);
    this.#timer ??= setTimeout(() => void this.#send(), coalesceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    clearTimeout(this.#timer);
    this.#client?.connection.stream.destroy();
    await this.#listening;
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    const schemas = [...this.#due];
    this.#due.clear();
    for (const schema of schemas)
      await this.#database.query(notify, [channel, schema]).catch(() => {}); // readers poll anyway
  }

  /** Listens, and tells when the connection has ended. */
  async #listen(): Promise<Listening> {
    const client = new pg.Client({
      ...this.#connection,
      application_name: "basalt-listen",
      connectionTimeoutMillis: connectWithinMs,
      query_timeout: connectWithinMs,
      keepAlive: true,
    });
    const ended = new Promise<void>((resolve) => client.once("end", resolve));
    client.on("notification", ({ payload }) => this.#wakeUps.get(payload ?? "")?.call());
    client.on("error", () => {}); // followed by "end"
    this.#client = client;
    try {
      await client.connect();
      await client.query(`listen ${channel}`);
      return { ended };
    } catch (error) {
      client.connection.stream.destroy();
      throw error;
    }
  }

  /** One connection after the other, with pauses between them that grow while none succeeds. */
  async #keepListening({ ended }: Listening): Promise<void> {
    await ended;
    for (let pauseMs = firstPauseMs; !this.#isStopping;) {
      await sleep(pauseMs, undefined, { signal: this.#stop.signal }).catch(() => {});
      if (this.#isStopping) return;
      try {
        const listening = await this.#listen();
        for (const wakeUp of this.#wakeUps.values()) wakeUp.call();
        await listening.ended;
        pauseMs = firstPauseMs;
      } catch (error) {
        this.#log.warn(
          { error: String(error) },
          "cannot listen for events of other processes; retrying",
        );
        pauseMs = Math.min(pauseMs * 2, maxPauseMs);
      }
    }
  }

  get #isStopping(): boolean {
    return this.#stop.signal.aborted;
  }
}
