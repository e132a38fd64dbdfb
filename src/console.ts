import path from "node:path";
import type { ClientConfig } from "pg";
import type { Logger } from "pino";
import { environmentWith, loadSettings } from "#platform/config/load.ts";
import type { Settings } from "#platform/config/settings.ts";
import type { Database } from "#platform/postgres/database.ts";
import { createLog } from "#platform/telemetry/log.ts";
import { migrateAll, openDatabase, openPostgres } from "./main.ts";

const root = path.resolve(import.meta.dirname, "..");
const envFile = path.join(root, ".env");

export const settingsNow = (): Settings => loadSettings(environmentWith(envFile, process.env));

/** How a command prints. */
export type Output = { readonly json?: true };

/** For programs: one JSON document. For people: a line each, or a word that there is none. */
export function print<Row>(
  rows: readonly Row[],
  { json }: Output,
  line: (row: Row) => string,
  none: string,
): void {
  if (json) console.log(JSON.stringify(rows));
  else console.log(rows.length === 0 ? none : rows.map(line).join("\n"));
}

/** The database of the settings, while a command works with it. `makes`: a new one where there is none. */
export async function withDatabase(
  work: (database: Database, settings: Settings, connection: ClientConfig) => Promise<void>,
  { makes = false, ...more }: Partial<Settings> & { readonly makes?: boolean } = {},
) {
  const settings = { ...settingsNow(), ...more };
  const log = quietLog();
  await using undo = new AsyncDisposableStack();
  const { connection, embedded } = await openPostgres(settings, log, { shared: true, makes });
  undo.use(embedded);
  if (embedded) await migrateAll(connection);
  await work(undo.use(openDatabase(settings, connection, log)), settings, connection);
}

/** Commands print their result; of the platform's lines only what failed is worth one. */
export const quietLog = (): Logger => createLog("fatal").log;

/** How far long work is, on the terminal of a person; elsewhere it is silent. */
export function progressBar(what: string, total: number) {
  const width = 30;
  const terminal = process.stderr.isTTY ? process.stderr : undefined;
  return {
    show(done: number): void {
      const share = total === 0 ? 1 : done / total;
      const filled = Math.round(share * width);
      const bar = "█".repeat(filled) + "░".repeat(width - filled);
      terminal?.write(`\r${bar} ${Math.round(share * 100)} % ${done}/${total} ${what}`);
    },
    end: () => void terminal?.write("\n"),
  };
}
