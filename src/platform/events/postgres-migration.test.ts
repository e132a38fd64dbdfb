import assert from "node:assert/strict";
import { copyFileSync, readdirSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { scratch } from "#test/basalt.ts";
import { testDatabase } from "#test/database.ts";
import { migrate } from "../postgres/migrations.ts";
import { systemClock as clock, systemIds as newId } from "../system.ts";
import { postgresSubscription } from "./postgres-subscription.ts";
import { memberOf } from "./testing/subject.ts";

const migrations = path.join(import.meta.dirname, "migrations");
const schema = "older";
const partitions = 4;

/** What the log was before: read by transaction id, in four partitions. */
const fill = `
  insert into older.events (epoch, transaction_id, stream, version, id, type, schema_version,
                            payload, metadata, occurred_at)
  select 1, (1000 + version)::text::xid8, 's' || n, version, 'e' || n || '/' || version, 't', 1, '{}',
         '{"actor": "a", "correlationId": "c"}', now()
    from generate_series(1, 40) n, generate_series(1, 3) version order by random();
  insert into older.subscriptions (name, partition, epoch, transaction_id, position, commits)
  select 'reader', p, 1, (1001 + p % 3)::text::xid8, 9223372036854775807, 7
    from generate_series(0, ${partitions - 1}) p;
  insert into older.parked_streams (subscription, partition, stream, version, event_id, event_type,
                                    attempts, retry_at, error, correlation_id)
  values ('reader', 0, 's1', 1, 'e1/1', 't', 16, null, 'dead', 'c'),
         ('reader', 0, 's2', 1, 'e2/1', 't', 2, now() - interval '1 s', 'failed', 'c')`;

/** Events that no reader has handled: of partition p, the first 1 + p % 3 versions are. */
const unread = `select id from older.events
  where version > 1 + abs(hashtextextended(stream, 0) % ${partitions}) % 3 order by id`;

test("keeps how far each subscription is when the log begins to be read by position", async () => {
  await using opened = await testDatabase();
  await using folder = await scratch();
  const { connection, database, sql } = opened;
  const copy = (until: string) => {
    for (const name of readdirSync(migrations).filter((one) => one < until))
      copyFileSync(path.join(migrations, name), path.join(folder.path, name));
    return migrate(connection, [{ schema, source: "platform", folder: folder.path }]);
  };
  await copy("0004");
  await sql(fill);
  const wanted = (await sql(unread)).map(({ id }) => id);
  assert.ok(wanted.length > 20 && wanted.length < 80);
  assert.ok((await copy("9999")).some(({ name }) => name.startsWith("0004")));

  const append = () => {};
  const store = postgresSubscription({
    database,
    schema,
    name: "reader",
    clock,
    newId,
    onAppended: append,
    scope: () => ({}),
  });
  const { held } = await store.share(memberOf("one"));
  assert.equal(held.length, 64);
  assert.deepEqual(new Set(held.map(({ commits }) => commits)), new Set([7]));
  const read: string[] = [];
  for (const { slot, position } of held) {
    const taken = await store.read({ slots: [slot], after: position, until: 1_000, limit: 1_000 });
    const versions = new Map<string, number>();
    for (const { event } of taken) {
      assert.ok(event.version > (versions.get(event.stream) ?? 0), "versions ascend");
      versions.set(event.stream, event.version);
      read.push(event.id);
    }
  }
  assert.deepEqual(read.toSorted(), wanted);

  const { mark, head } = await store.look(undefined);
  assert.deepEqual([mark?.position, head], [120, 120]);
  const { due } = await store.due(
    held.map((one) => ({ ...one, position: 120 })),
    { now: Instant.plus(clock.now(), 1_000), except: [], limit: 10 },
  );
  assert.deepEqual(
    due.map(({ parked, event, next }) => [parked.stream, event?.id, next?.id]),
    [["s2", "e2/1", "e2/2"]],
  );
  assert.deepEqual(await sql("select stream, state from older.parked_streams order by stream"), [
    { stream: "s1", state: "dead" },
    { stream: "s2", state: "retrying" },
  ]);
});
