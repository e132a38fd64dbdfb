import { setTimeout as sleep } from "node:timers/promises";
import pg, { type ClientConfig } from "pg";
import pgConnectionString from "pg-connection-string";
import type { Logger } from "pino";
import type { Settings } from "../config/settings.ts";
import { Database } from "../postgres/database.ts";
import { EmbeddedPostgres } from "../postgres/embedded.ts";
import { ensureDatabase } from "../postgres/migrations.ts";
import { masterKeyFile } from "../secrets/master-key-file.ts";
import { createSecrets, masterKeys, type Secrets } from "../secrets/secrets.ts";
import { systemClock as clock } from "../system.ts";

type Opening = {
  /** Whether one that another process runs will do; no, unless said. */
  readonly shared: boolean;
  /** Whether a new one is made where there is none; yes, unless said. */
  readonly makes: boolean;
};

/** A Postgres to work with: the one that is configured, one that already runs, or our own. */
export async function openPostgres(
  { databaseUrl, dataFolder }: Settings,
  log: Logger,
  { shared = false, makes = true }: Partial<Opening> = {},
): Promise<{ readonly connection: ClientConfig; readonly embedded?: EmbeddedPostgres }> {
  if (databaseUrl !== undefined)
    return { connection: pgConnectionString.parseIntoClientConfig(databaseUrl) };
  const running = shared ? EmbeddedPostgres.running(dataFolder) : undefined;
  if (running) return { connection: await answering(running, dataFolder) };
  if (!makes && !EmbeddedPostgres.isIn(dataFolder))
    throw new Error(
      `There is no database in ${dataFolder}. Start Basalt first, or give this command the ` +
        "BASALT_DATA_DIR or BASALT_DATABASE_URL of the server.",
    );

  const embedded = await EmbeddedPostgres.start({ folder: dataFolder, log });
  await ensureDatabase(embedded.connection);
  return { connection: embedded.connection, embedded };
}

const answersWithinMs = 30_000;
/** No socket yet, a server that starts, and one whose database is not made yet. */
const startingCodes: ReadonlySet<unknown> = new Set(["ENOENT", "ECONNREFUSED", "57P03", "3D000"]);

/** The connection, once the Postgres of a Basalt that may just have begun to start answers. */
async function answering(connection: ClientConfig, folder: string): Promise<ClientConfig> {
  for (const deadline = clock.unixMs() + answersWithinMs; ; await sleep(100)) {
    const client = new pg.Client(connection);
    try {
      await client.connect();
      return connection;
    } catch (cause) {
      if (!(cause instanceof Error && "code" in cause && startingCodes.has(cause.code)))
        throw cause;
      if (clock.unixMs() > deadline)
        throw new Error(`The Basalt in ${folder} is starting or has lost its Postgres: try again`, {
          cause,
        });
    } finally {
      await client.end().catch(() => {});
    }
  }
}

/** `role` is the database role of its connections, by default the login's. */
export function openDatabase(
  settings: Settings,
  connection: ClientConfig,
  log: Logger,
  role?: string,
): Database {
  return new Database({
    connection,
    role,
    clock,
    maxConnections: settings.databaseMaxConnections,
    acquireTimeoutMs: settings.databaseAcquireTimeoutMs,
    statementTimeoutMs: settings.databaseStatementTimeoutMs,
    idleInTransactionTimeoutMs: settings.databaseIdleInTransactionTimeoutMs,
    onIdleError: (error) => log.warn({ error: error.message }, "a database connection ended"),
    onDiskFull: (isFull) =>
      isFull
        ? log.error(
            "the disk of the database is full: this process is not ready until there is room",
          )
        : log.info("the disk of the database has room again"),
  });
}

export const openSecrets = ({ masterKey, dataFolder }: Settings): Secrets =>
  createSecrets(masterKeys(masterKey ?? masterKeyFile(dataFolder)));
