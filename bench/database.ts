import path from "node:path";
import type { ClientConfig } from "pg";
import { pino } from "pino";
import { Database } from "#platform/postgres/database.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { ensureDatabase, migrate } from "#platform/postgres/migrations.ts";
import { systemClock } from "#platform/system.ts";
import { root, scratchFolder } from "./measure.ts";

/** An embedded Postgres as users get it, with one schema `bench` that has an event log. */
export async function benchDatabase(): Promise<
  AsyncDisposable & {
    readonly database: Database;
    readonly connection: ClientConfig;
    readonly folder: string;
  }
> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.use(await scratchFolder());
  const log = pino({ level: "warn" });
  const { connection } = undo.use(await EmbeddedPostgres.start({ folder: folder.path, log }));
  await ensureDatabase(connection);
  const migrations = path.join(root, "src/platform/events/migrations");
  await migrate(connection, [{ schema: "bench", source: "platform", folder: migrations }]);
  const database = undo.use(
    new Database({
      connection,
      clock: systemClock,
      maxConnections: 10,
      acquireTimeoutMs: 5_000,
      statementTimeoutMs: 10_000,
      idleInTransactionTimeoutMs: 10_000,
    }),
  );
  const running = undo.move();
  return {
    database,
    connection,
    folder: folder.path,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
