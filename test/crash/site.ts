import { execFileSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { pino } from "pino";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { ensureDatabase } from "#platform/postgres/migrations.ts";
import { basalt } from "../../src/composition.ts";
import { asAdmin, launch, type Headers, type Process } from "../support/basalt.ts";
import { ask, urlOf } from "../support/database.ts";
import { proxyOf, socketIn, type Proxy } from "../support/proxy.ts";

const settleMs = 60_000;
const maxStarts = 20;
const answerMs = 5_000;
/** How long two releases run side by side, and the older one is silent. */
const besideMs = 700;
const silentMs = 5_000;
/** By when answers that were given before are known to whoever asked. */
const endingMs = 300;

type Env = Readonly<Record<string, string>>;

/** Where Basalt is, while it is anywhere, and who asks. */
export type Target = { readonly url: string; readonly headers: Headers } | undefined;

type SiteOptions = {
  readonly folder: string;
  readonly env?: Env;
  /** Starts the server; `basalt start` unless said. */
  readonly begin?: (env: Env) => Process;
  /** Whether there is a line to be hurt; it slows what goes over it. */
  readonly hasLine?: boolean;
  /** Logs beside those of Basalt, and what makes them before the server starts. */
  readonly beside?: {
    readonly logs: readonly string[];
    readonly prepare: (connection: ClientConfig) => Promise<unknown>;
  };
};

/** Basalt in a process of its own, on a Postgres of its own, with a line between them. */
export class Site implements AsyncDisposable {
  readonly env: Env;
  readonly #folder: string;
  readonly #postgres: EmbeddedPostgres;
  readonly #line: Proxy | undefined;
  readonly #begin: (env: Env) => Process;
  readonly #logs: readonly string[];
  #server: Process | undefined;
  #release = 1;
  #target: Target;
  #interruptions = 0;

  private constructor(options: SiteOptions, postgres: EmbeddedPostgres, line?: Proxy) {
    this.#folder = options.folder;
    this.#line = line;
    this.#postgres = postgres;
    this.#logs = options.beside?.logs ?? [];
    this.#begin = options.begin ?? ((env) => launch(["start"], env));
    const at = line ? { host: lineIn(options.folder) } : {};
    this.env = {
      BASALT_DATABASE_URL: urlOf({ ...postgres.connection, ...at }),
      BASALT_DATA_DIR: path.join(options.folder, "data"),
      BASALT_LOG_LEVEL: "warn",
      ...options.env,
    };
  }

  static async open(options: SiteOptions): Promise<Site> {
    await using undo = new AsyncDisposableStack();
    const folder = path.join(options.folder, "postgres");
    const log = pino({ level: "silent" });
    const postgres = undo.use(await EmbeddedPostgres.start({ folder, log }));
    await ensureDatabase(postgres.connection);
    await options.beside?.prepare(postgres.connection);
    const { host = "", port = 0 } = postgres.connection;
    const to = lineIn(options.folder);
    mkdirSync(to);
    const ends = { server: { host, port }, listen: { path: socketIn(to, port) } };
    const line = options.hasLine === false ? undefined : undo.use(await proxyOf(ends));
    const site = undo.adopt(new Site(options, postgres, line), (begun) => begun.#end());
    await site.start();
    undo.move();
    return site;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
    await this.#line?.[Symbol.asyncDispose]();
    await this.#postgres[Symbol.asyncDispose]();
  }

  readonly target = (): Target => this.#target;

  /** Past the line. */
  get connection(): ClientConfig {
    return this.#postgres.connection;
  }

  /** How often a process was killed or connections were cut: so often an effect may be repeated. */
  get interruptions(): number {
    return this.#interruptions;
  }

  get line(): Proxy {
    if (!this.#line) throw new Error("there is no line");
    return this.#line;
  }

  cut(): void {
    this.#interruptions += 1;
    this.line.cut();
  }

  /** Begins a server, which may be killed before it is ready. */
  launch(): void {
    this.#server = this.#begin({ ...this.env, TRAIL_RELEASE: String(this.#release) });
  }

  /**
   * A newer release starts beside the one that runs; that one falls silent for longer than its leases
   * last, wakes up among others, and ends.
   */
  async deploy(): Promise<void> {
    const old = this.#server;
    this.#server = undefined;
    this.#release += 1;
    await this.start();
    await sleep(besideMs);
    this.#interruptions += 1;
    old?.child.kill("SIGSTOP");
    await sleep(silentMs);
    old?.child.kill("SIGCONT");
    await sleep(besideMs);
    await this.#close(old);
  }

  /** A copy of the database as it is, to which `restore` goes back. */
  async backUp(during: () => Promise<void>): Promise<void> {
    await this.#unconnected(async (database, elsewhere) => {
      await ask(elsewhere, "drop database if exists backup");
      await ask(elsewhere, `create database backup template ${database}`);
      await during();
    });
  }

  /** Under the servers, which go on. What `during` does is done while nobody is connected. */
  async restore(during: () => Promise<void>): Promise<void> {
    await this.#unconnected(async (database, elsewhere) => {
      await ask(elsewhere, `drop database ${database} with (force)`);
      await during();
      await ask(elsewhere, `create database ${database} template backup allow_connections false`);
    });
    await this.answersAgain();
    await this.signIn();
  }

  async #unconnected(
    work: (database: string, elsewhere: ClientConfig) => Promise<void>,
  ): Promise<void> {
    const { database } = this.connection;
    const elsewhere = { ...this.connection, database: "postgres" };
    this.#interruptions += 1;
    await ask(
      elsewhere,
      `alter database ${database} allow_connections false`,
      `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${database}'`,
    );
    await sleep(endingMs);
    await work(String(database), elsewhere);
    await ask(elsewhere, `alter database ${database} allow_connections true`);
  }

  /** As a supervisor does: where Postgres is not there yet, the server ends, and is started again. */
  async start(): Promise<void> {
    let url: string | undefined;
    for (let attempt = 1; url === undefined; attempt += 1) {
      this.launch();
      url = await this.#server?.url.catch((error: unknown) => {
        if (attempt === maxStarts) throw error;
        return undefined;
      });
    }
    for (const end = Date.now() + settleMs; this.#target?.url !== url; await sleep(50))
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
    this.#interruptions += 1;
    this.#server?.child.kill(signal);
    await this.#end();
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
    const postmaster = Number(readFileSync(file, "utf8").split("\n")[0]);
    this.#interruptions += 1;
    for (const pid of [postmaster, ...childrenOf(postmaster)])
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself.
      }
  }

  /** How long it takes until requests that ask the database are answered again, ms. */
  async answersAgain(): Promise<number> {
    const startedAt = performance.now();
    const isAnswered = async () => {
      if (!this.#target) return false;
      const { url, headers } = this.#target;
      const signal = AbortSignal.timeout(answerMs);
      return (await fetch(`${url}/api/v1/users?limit=1`, { headers, signal })).ok;
    };
    while (!(await isAnswered().catch(() => false))) {
      if (performance.now() - startedAt > settleMs) throw new Error("nobody answers any more");
      await sleep(10);
    }
    return performance.now() - startedAt;
  }

  /** Complains about a server that nobody has ended. */
  ended(): readonly string[] {
    const { exitCode, signalCode } = this.#server?.child ?? {};
    const how = exitCode ?? signalCode;
    return how === null ? [] : [`the server ended by itself with ${how}`];
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

  /** Stops the server, and keeps what it said for whoever looks for a cause. */
  async #end(): Promise<void> {
    await this.#close(this.#server);
    this.#server = undefined;
  }

  async #close(server: Process | undefined): Promise<void> {
    await server?.[Symbol.asyncDispose]();
    appendFileSync(path.join(this.#folder, "server.log"), server?.output() ?? "");
  }

  async #behind(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const schema of [...basalt.logs, ...this.#logs]) {
      const rows = await ask(
        this.connection,
        `select name, count(*)::int as slots from ${schema}.subscriptions s
          where not exists (select from ${schema}.subscribers b
                             where b.name = s.name and b.process = s.lease_holder
                               and b.seen_at > now() - interval '4 s')
             or exists (select from ${schema}.events e
                         where e.position > s.position
                           and abs(hashtextextended(e.stream, 0) % 64) = s.slot)
          group by name
         union all
         select subscription, count(*)::int from ${schema}.parked_streams
          where state <> 'dead' group by subscription`,
      );
      found.push(...rows.map(({ name, slots }) => `${String(name)}: ${String(slots)} are behind`));
    }
    const waiting = await ask(
      this.connection,
      `select id from catalog.imports where status = 'waiting'
       union all select id from accounts.statement_imports where status = 'waiting'`,
    );
    return [...found, ...waiting.map(({ id }) => `${String(id)} is not finished`)];
  }
}

const lineIn = (folder: string) => path.join(folder, "line");

/** Processes that it has begun. */
function childrenOf(pid: number): readonly number[] {
  const all = execFileSync("ps", ["-A", "-o", "pid=,ppid="], { encoding: "utf8" });
  return all
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number))
    .flatMap(([child, parent]) => (parent === pid && child !== undefined ? [child] : []));
}
