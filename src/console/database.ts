import type { Logger } from "pino";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { openDatabase, openPostgres } from "#platform/process/postgres.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { jsonLog } from "#platform/telemetry/log.ts";
import { basalt } from "../composition.ts";

export const withDatabase: WithDatabase = async (work, { makes = false, ...more } = {}) => {
  const settings = { ...basalt.settingsNow(), ...more };
  const log = quietLog();
  await using undo = new AsyncDisposableStack();
  const isNew =
    makes && settings.databaseUrl === undefined && !EmbeddedPostgres.isIn(settings.dataFolder);
  const { connection, embedded } = await openPostgres(settings, log, { shared: true, makes });
  undo.use(embedded);
  if (isNew) console.error(`A new database was made in ${settings.dataFolder}.`);
  if (embedded && makes) await basalt.migrate(connection);
  else if ((await basalt.countPending(connection)) > 0)
    throw new Error(
      "The database is older than this Basalt: run `basalt migrate`, or start Basalt",
    );
  await work(undo.use(openDatabase(settings, connection, log)), settings, connection);
};

/** A log for commands: they print results, so only fatal entries are logged. */
export const quietLog = (): Logger => jsonLog("fatal").log;
