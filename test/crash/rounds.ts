import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ensureDatabase } from "#platform/postgres/migrations.ts";
import { asAdmin, launch, type Process } from "../support/basalt.ts";
import { migrateAll } from "../../src/main.ts";
import { ask, urlOf } from "../support/database.ts";
import { sell } from "../support/http.ts";
import { audit } from "./audit.ts";
import { openLedger, skus, startLoad, type Chance, type Ledger } from "./load.ts";
import { Site } from "./site.ts";

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

export type Round = {
  readonly fault: Fault;
  readonly acknowledged: number;
  readonly attempts: number;
  /** How long the server took to be ready again; undefined where it stayed. */
  readonly restartMs: number | undefined;
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
    const restartMs = await this.#break(fault, chance).catch((error: unknown) => {
      complaints.push(String(error));
      return undefined;
    });
    await sleep(200 + chance() * 500);
    complaints.push(...(await load.stop()));
    complaints.push(...(await this.#site.settled()));
    const found = {
      connection: this.#site.connection,
      dataFolder: path.join(this.#folder, "data"),
    };
    return {
      ...{ fault, restartMs, attempts: load.attempts() },
      acknowledged: this.#ledger.acknowledged.size - before,
      complaints: [...complaints, ...(await audit(found, this.#ledger))],
    };
  }

  async #break(fault: Fault, chance: Chance): Promise<number | undefined> {
    switch (fault) {
      case "server killed":
        return this.#site.restart();
      case "Postgres killed":
        this.#site.killPostgres();
        return undefined;
      case "both killed":
        this.#site.killPostgres();
        return this.#site.restart();
      case "connections cut":
        for (let i = 0; i < 10; i += 1) {
          this.#site.line.cut();
          await sleep(chance() * 200);
        }
        return undefined;
      case "connections slow":
        this.#site.line.delay(20 + chance() * 80);
        await sleep(1_000);
        this.#site.line.delay(0);
        return undefined;
      case "killed while starting":
        for (let i = 0; i < 3; i += 1) {
          await this.#site.kill();
          this.#site.launch();
          await sleep(chance() * 1_500);
        }
        return this.#site.restart();
      case "killed while migrating":
        await this.#migrateAnew(chance);
        return undefined;
      case "killed while rebuilding":
        await this.#rebuild(chance);
        return undefined;
      default:
        return undefined;
    }
  }

  /** The first starts on a new database are killed; the one that is not must find its way. */
  async #migrateAnew(chance: Chance): Promise<void> {
    const connection = { ...this.#site.connection, database: "anew" };
    await ask(this.#site.connection, "drop database if exists anew with (force)");
    await ensureDatabase(connection);
    const env = { ...this.#site.env, BASALT_DATABASE_URL: urlOf(connection) };
    for (let i = 0; i < 4; i += 1) await killAfter(launch(["start"], env), 400 + chance() * 1_000);
    await using server = launch(["start"], env);
    await asAdmin({ url: await server.url });
    if ((await migrateAll(connection)).length > 0) throw new Error("migrations are missing");
  }

  /** Rebuilds beside the load are killed; the one that is not must do it. */
  async #rebuild(chance: Chance): Promise<void> {
    const begin = () => launch(["projections", "rebuild"], this.#site.env);
    for (let i = 0; i < 3; i += 1) await killAfter(begin(), 400 + chance() * 1_000);
    // What was killed may hold its lock until the server has noticed.
    for (let attempt = 1; ; attempt += 1) {
      const { code, output } = await begin().ended;
      if (code === 0) return;
      if (attempt === maxRebuilds || !output.includes("being rebuilt"))
        throw new Error(`the rebuild ended with ${code}: ${output}`);
    }
  }
}

async function killAfter({ child, ended }: Process, ms: number): Promise<void> {
  await sleep(ms);
  child.kill("SIGKILL");
  await ended;
}
