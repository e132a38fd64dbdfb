import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { pino } from "pino";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { ensureDatabase } from "#platform/postgres/migrations.ts";
import { asAdmin, launch, type Headers, type Process } from "../support/basalt.ts";
import { ask, urlOf } from "../support/database.ts";
import { proxyOf, type Proxy } from "./proxy.ts";

const settleMs = 60_000;
const maxStarts = 20;

/** Where Basalt is, while it is anywhere, and who asks. */
export type Target = { readonly url: string; readonly headers: Headers } | undefined;

type SiteOptions = {
  readonly folder: string;
  /** Starts the server; `basalt start` unless said. */
  readonly begin?: (env: Readonly<Record<string, string>>) => Process;
};

/** Basalt in a process of its own, on a Postgres of its own, with a line between them. */
export class Site implements AsyncDisposable {
  readonly line: Proxy;
  readonly env: Readonly<Record<string, string>>;
  readonly #postgres: EmbeddedPostgres;
  readonly #begin: (env: Readonly<Record<string, string>>) => Process;
  #server: Process | undefined;
  #target: Target;

  private constructor({ folder, begin }: SiteOptions, postgres: EmbeddedPostgres, line: Proxy) {
    this.line = line;
    this.#postgres = postgres;
    this.#begin = begin ?? ((env) => launch(["start"], env));
    this.env = {
      BASALT_DATABASE_URL: urlOf({ ...postgres.connection, host: path.join(folder, "line") }),
      BASALT_DATA_DIR: path.join(folder, "data"),
      BASALT_LOG_LEVEL: "warn",
    };
  }

  static async open(options: SiteOptions): Promise<Site> {
    await using undo = new AsyncDisposableStack();
    const folder = path.join(options.folder, "postgres");
    const log = pino({ level: "silent" });
    const postgres = undo.use(await EmbeddedPostgres.start({ folder, log }));
    await ensureDatabase(postgres.connection);
    const { host = "", port = 0 } = postgres.connection;
    const to = path.join(options.folder, "line");
    mkdirSync(to);
    const site = new Site(options, postgres, undo.use(await proxyOf({ from: host, to, port })));
    await site.start();
    undo.move();
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    await this.line[Symbol.asyncDispose]();
    await this.#postgres[Symbol.asyncDispose]();
  }

  readonly target = (): Target => this.#target;

  /** Past the line. */
  get connection(): ClientConfig {
    return this.#postgres.connection;
  }

  /** Begins a server, which may be killed before it is ready. */
  launch(): void {
    this.#server = this.#begin(this.env);
  }

  /** As a supervisor does: where Postgres is not there yet, the server ends, and is started again. */
  async start(): Promise<void> {
    let url: string | undefined;
    for (let attempt = 1; url === undefined; attempt += 1) {
      const server = this.#begin(this.env);
      this.#server = server;
      url = await server.url.catch((error: unknown) => {
        if (attempt === maxStarts) throw error;
        return undefined;
      });
    }
    for (const end = Date.now() + settleMs; !this.#target; await sleep(50))
      await this.signIn(url).catch((error: unknown) => {
        if (Date.now() > end) throw error;
      });
  }

  /** Again, before the access token has run out. */
  async signIn(url = this.#target?.url): Promise<void> {
    if (url === undefined) return;
    const { headers } = await asAdmin({ url });
    this.#target = { url, headers };
  }

  async kill(signal: "SIGKILL" | "SIGTERM" = "SIGKILL"): Promise<void> {
    this.#target = undefined;
    this.#server?.child.kill(signal);
    await this.#server?.ended;
  }

  /** How long the server took to be ready again, ms. */
  async restart(signal?: "SIGTERM"): Promise<number> {
    await this.kill(signal);
    const startedAt = performance.now();
    await this.start();
    return performance.now() - startedAt;
  }

  /** Every process of it at once, as when the power goes. It is started again by itself. */
  killPostgres(): void {
    const file = path.join(this.#postgres.dataFolder, "postmaster.pid");
    const postmaster = readFileSync(file, "utf8").split("\n")[0] ?? "";
    const children = execFileSync("ps", ["-o", "pid=", "--ppid", postmaster], { encoding: "utf8" });
    for (const pid of [postmaster, ...children.split("\n")].map(Number).filter((n) => n > 1))
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
  }

  /** Waits until every subscription has read all and is held; complains about those that do not. */
  async settled(): Promise<readonly string[]> {
    let behind: readonly string[] = [];
    for (const end = Date.now() + settleMs; Date.now() < end; await sleep(100)) {
      behind = await this.#behind().catch((error: unknown) => [String(error)]);
      if (behind.length === 0) return [];
    }
    return behind;
  }

  async #behind(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const schema of ["identity", "catalog"]) {
      const rows = await ask(
        this.connection,
        `select name, case when lease_until is null or lease_until < now() then 'nobody holds'
                           else 'behind' end as what
           from ${schema}.subscriptions s
          where lease_until is null or lease_until < now()
             or exists (select from ${schema}.events e
                         where (e.epoch, e.transaction_id, e.position)
                               > (s.epoch, s.transaction_id, s.position))`,
      );
      found.push(...rows.map(({ name, what }) => `${schema}/${String(name)}: ${String(what)}`));
    }
    const waiting = await ask(
      this.connection,
      "select id from catalog.imports where status = 'waiting'",
    );
    return [...found, ...waiting.map(({ id }) => `${String(id)} is not finished`)];
  }
}
