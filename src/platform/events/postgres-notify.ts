import { setTimeout as sleep } from "node:timers/promises";
import pg, { type ClientConfig } from "pg";
import type { Logger } from "pino";
import { statement, type Database } from "../postgres/database.ts";
import type { WakeUp } from "./wake-up.ts";

const channel = "basalt_events";
/** Calls within this time leave as one NOTIFY: each takes a lock of the whole server. */
const coalesceMs = 2;
const maxReconnectPauseMs = 5_000;

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
  #listener: pg.Client | undefined;
  #stopping = false;

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
    await this.#listen();
    return this;
  }

  /** There are new events in the log of a schema. */
  announce(schema: string): void {
    if (this.#stopping) return;
    this.#due.add(schema);
    this.#timer ??= setTimeout(() => void this.#send(), coalesceMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#timer);
    await this.#listener?.end().catch(() => {});
  }

  async #send(): Promise<void> {
    this.#timer = undefined;
    const schemas = [...this.#due];
    this.#due.clear();
    for (const schema of schemas)
      await this.#database.query(notify, [channel, schema]).catch(() => {}); // readers poll anyway
  }

  async #listen(): Promise<void> {
    const client = new pg.Client({ ...this.#connection, application_name: "basalt-listen" });
    client.on("notification", ({ payload }) => this.#wakeUps.get(payload ?? "")?.call());
    client.on("error", () => {}); // followed by "end"
    client.once("end", () => void this.#reconnect());
    this.#listener = client;
    await client.connect();
    await client.query(`listen ${channel}`);
  }

  async #reconnect(): Promise<void> {
    for (let pauseMs = 100; !this.#stopping; pauseMs = Math.min(pauseMs * 2, maxReconnectPauseMs)) {
      await sleep(pauseMs);
      this.#listener?.removeAllListeners("end");
      if (this.#stopping) return;
      try {
        await this.#listen();
        for (const wakeUp of this.#wakeUps.values()) wakeUp.call();
        return;
      } catch (error) {
        this.#log.warn({ error: String(error) }, "cannot listen for events of other processes");
      }
    }
  }
}
