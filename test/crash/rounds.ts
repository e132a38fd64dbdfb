import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { ClientConfig } from "pg";
import { ensureDatabase } from "#platform/postgres/migrations.ts";
import { readModels } from "../../src/main.ts";
import { asAdmin, launch } from "../support/basalt.ts";
import { ask, urlOf } from "../support/database.ts";
import { sell } from "../support/http.ts";
import { audit } from "./audit.ts";
import { openLedger, skus, startLoad, type Chance, type Ledger } from "./load.ts";
import { schemaOf } from "./schema.ts";
import { Site } from "./site.ts";
import { strike, type Strikes } from "./strike.ts";

export const faults = [
  "server killed",
  "Postgres killed",
  "both killed",
  "connections cut",
  "connections slow",
  "killed while starting",
  "killed while migrating",
  "killed while rebuilding",
] as const;
export type Fault = (typeof faults)[number];

/** What a fault did, as far as it can be counted. */
export type Broken = {
  /** How long the server took to be ready again. */
  readonly restartMs?: number;
  readonly strikes?: Strikes;
};

export type Round = {
  readonly fault: Fault;
  readonly acknowledged: number;
  readonly attempts: number;
  readonly broken: Broken;
  readonly complaints: readonly string[];
};

const clients = 12;
const maxRebuilds = 20;

/** What is hurt, and the world outside, which remembers what it was told. */
export class Arena implements AsyncDisposable {
  readonly #folder: string;
  readonly #site: Site;
  readonly #ledger: Ledger;

  private constructor(folder: string, site: Site) {
    this.#folder = folder;
    this.#site = site;
    this.#ledger = openLedger(path.join(folder, "ledger.jsonl"));
  }

  static async open(folder: string, defect?: string): Promise<Arena> {
    const begin = (env: Readonly<Record<string, string>>) =>
      launch([], { ...env, CRASH_DEFECT: defect ?? "" }, "test/crash/defective.ts");
    const site = await Site.open({ folder, ...(defect === undefined ? {} : { begin }) });
    const target = site.target();
    if (target) await sell(target, 1, { name: "Crash", skus });
    return new Arena(folder, site);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#site[Symbol.asyncDispose]();
  }

  /** Load, a fault in the midst of it, and a look at what is left when all is quiet. */
  async round(name: string, fault: Fault, chance: Chance): Promise<Round> {
    const before = this.#ledger.acknowledged.size;
    const load = startLoad({
      ledger: this.#ledger,
      target: this.#site.target,
      chance,
      clients,
      name,
    });
    await sleep(200 + chance() * 1_000);
    const complaints: string[] = [];
    const broken = await this.#break(fault, chance).catch((error: unknown) => {
      complaints.push(String(error));
      return {};
    });
    await sleep(200 + chance() * 500);
    complaints.push(...(await load.stop()));
    complaints.push(...(await this.#site.settled()));
    const found = {
      connection: this.#site.connection,
      dataFolder: path.join(this.#folder, "data"),
    };
    return {
      ...{ fault, broken, attempts: load.attempts() },
      acknowledged: this.#ledger.acknowledged.size - before,
      complaints: [...complaints, ...(await audit(found, this.#ledger))],
    };
  }

  async #break(fault: Fault, chance: Chance): Promise<Broken> {
    switch (fault) {
      case "server killed":
        return this.#restart();
      case "Postgres killed":
        this.#site.killPostgres();
        return {};
      case "both killed":
        this.#site.killPostgres();
        return this.#restart();
      case "connections cut":
        for (let i = 0; i < 10; i += 1) {
          this.#site.line.cut();
          await sleep(chance() * 200);
        }
        return {};
      case "connections slow":
        this.#site.line.delay(20 + chance() * 80);
        await sleep(1_000);
        this.#site.line.delay(0);
        return {};
      case "killed while starting":
        for (let i = 0; i < 3; i += 1) {
          await this.#site.kill();
          this.#site.launch();
          await sleep(chance() * 1_500);
        }
        return this.#restart();
      case "killed while migrating":
        return { strikes: await this.#migrateAnew(chance) };
      case "killed while rebuilding":
        return { strikes: await this.#rebuild(chance) };
      default:
        return {};
    }
  }

  #restart = async (): Promise<Broken> => ({ restartMs: await this.#site.restart() });

  /** The first starts on new databases are killed; one that is not must make what others have. */
  async #migrateAnew(chance: Chance): Promise<Strikes> {
    const site = this.#site.connection;
    const connection = { ...site, database: "anew" };
    const env = { ...this.#site.env, BASALT_DATABASE_URL: urlOf(connection) };
    const empty = async () => {
      await ask(site, "drop database if exists anew with (force)");
      await ensureDatabase(connection);
    };
    await empty();
    const strikes = await strike(
      {
        begin: () => launch(["start"], env),
        mark: () => markIn(site, migratingSince),
        isUnfinished: async () => {
          const isUnfinished = (await migrationsIn(connection)) < (await migrationsIn(site));
          if (!isUnfinished) await empty();
          return isUnfinished;
        },
      },
      chance,
    );
    await using server = launch(["start"], env);
    await asAdmin({ url: await server.url });
    const [wanted, found] = [await schemaOf(site), await schemaOf(connection)];
    const odd = [...wanted, ...found].find((line) => !wanted.has(line) || !found.has(line));
    if (odd !== undefined) throw new Error(`what was killed left another schema: ${odd}`);
    return strikes;
  }

  /** Rebuilds beside the load are killed; one that is not must do it, and leave nothing else. */
  async #rebuild(chance: Chance): Promise<Strikes> {
    const site = this.#site.connection;
    const begin = () => launch(["projections", "rebuild"], this.#site.env);
    const next = readModels.map(({ schema }) => `'${schema}_next'`).join();
    const left = () =>
      markIn(site, `select max(oid)::text as mark from pg_namespace where nspname in (${next})`);
    const strikes = await strike(
      { begin, mark: left, isUnfinished: async () => (await left()) !== undefined },
      chance,
    );
    // What was killed may hold its lock until the server has noticed.
    for (let attempt = 1; ; attempt += 1) {
      const { code, output } = await begin().ended;
      if (code === 0) break;
      if (attempt === maxRebuilds || !output.includes("being rebuilt"))
        throw new Error(`the rebuild ended with ${code}: ${output}`);
    }
    if ((await left()) !== undefined) throw new Error("a rebuild left what it had begun");
    return strikes;
  }
}

const migratingSince = `select max(backend_start)::text as mark from pg_stat_activity
  where application_name = 'basalt-migrate' and datname = 'anew'`;

async function markIn(connection: ClientConfig, sql: string): Promise<string | undefined> {
  const [row] = await ask(connection, sql);
  return (row?.["mark"] as string | null) ?? undefined;
}

/** How many have been applied; none where nothing has begun. */
async function migrationsIn(connection: ClientConfig): Promise<number> {
  const known = "select to_regclass('basalt.migrations') is not null as known";
  if ((await ask(connection, known))[0]?.["known"] !== true) return 0;
  const [row] = await ask(connection, "select count(*)::int as n from basalt.migrations");
  return Number(row?.["n"]);
}
