import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import { newId } from "#test/values.ts";
import { until } from "#test/until.ts";
import { Connection, type Sealed } from "../domain/connection.ts";
import { ConnectionId, ImportId, ObservationId, OwnerId, SyncId } from "../domain/ids.ts";
import type { ProviderId } from "../domain/provider.ts";
import { noRows, StatementImport, type ArrivingImport } from "../domain/statement-import.ts";
import { Sync } from "../domain/sync.ts";
import { postgresSubject } from "../testing/on-postgres.ts";

const tables = ["connections", "syncs", "statement_imports", "observations"];

test("what is kept of an owner while they are erased does not bring them back", async () => {
  const clock = testClock();
  await using subject = await postgresSubject(clock);
  const { unitOfWork, opened } = subject;
  const now = clock.now();
  const facts = { ownerId: newId(OwnerId), provider: "alpaca" as ProviderId };
  const importing: ArrivingImport = {
    ...facts,
    id: newId(ImportId),
    isDryRun: false,
    status: "arriving",
    rows: 0,
    statements: [],
    tally: noRows,
    receivedAt: now,
    version: Version.none,
  };
  const connectionId = newId(ConnectionId);
  const context = testContext();
  const made = await unitOfWork(context, async ({ connections, syncs, imports }) => {
    imports.open(importing);
    const connection = Connection.open({
      ...facts,
      id: connectionId,
      connectedAt: now,
      accounts: [],
      credentials: "sealed" as Sealed,
    });
    const attempt = Sync.attempt({
      ...facts,
      id: newId(SyncId),
      connectionId,
      importId: importing.id,
      from: now,
      until: now,
      startedAt: now,
    });
    return ok({ connection: connections.save(connection), sync: syncs.save(attempt) });
  });
  assert.ok(made.ok);
  const { connection, sync } = made.value;

  const erasing = new pg.Client({ connectionString: opened.url });
  await erasing.connect();
  await erasing.query("begin");
  for (const table of ["connections", "syncs", "statement_imports"])
    await erasing.query(`delete from accounts.${table}`);
  const keeping = unitOfWork(context, async ({ connections, syncs, imports }) => {
    const row = { id: newId(ObservationId), number: 1, line: 1, statement: 0, raw: { a: "b" } };
    imports.stage(importing.id, [row]);
    imports.save(StatementImport.received(importing, 1, []));
    syncs.save(Sync.fail(sync, "refused", now));
    connections.save(Connection.revoke(connection));
    return ok(undefined);
  });
  await until(async () => {
    const [waiting] = await opened.sql(
      "select count(*)::int as n from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()",
    );
    return Number(waiting?.["n"]) > 0;
  });
  await erasing.query("commit");
  await erasing.end();
  await keeping;

  for (const table of tables)
    assert.deepEqual(await opened.sql(`select * from accounts.${table}`), [], table);
});
