import type { Logger } from "pino";
import { openDatabase, openPostgres } from "#platform/process/postgres.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { jsonLog } from "#platform/telemetry/log.ts";
import { basalt } from "../composition.ts";

export const withDatabase: WithDatabase = async (work, { makes = false, ...more } = {}) => {
  const settings = { ...basalt.settingsNow(), ...more };
  const log = quietLog();
  await using undo = new AsyncDisposableStack();
  const { connection, embedded } = await openPostgres(settings, log, { shared: true, makes });
  undo.use(embedded);
  if (embedded) await basalt.migrate(connection);
  await work(undo.use(openDatabase(settings, connection, log)), settings, connection);
};

/** Commands print their result; of the platform's lines only what failed is worth one. */
export const quietLog = (): Logger => jsonLog("fatal").log;
