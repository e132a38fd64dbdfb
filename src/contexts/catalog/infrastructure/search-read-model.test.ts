import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { expect } from "#kernel/result.ts";
import {
  ChecksumsDiffer,
  checksumsOf,
  IsBeingRebuilt,
  rebuild,
  refuseDifferent,
} from "#platform/events/rebuild.ts";
import { systemIds as newId } from "#platform/system.ts";
import { testClock } from "#test/clock.ts";
import { postgresSubject } from "../testing/on-postgres.ts";
import { testContext } from "#test/context.ts";
import { seedBatch, SeedCatalog, seedCatalog } from "../application/products/seed-catalog.ts";
import { searchProjection } from "../presentation/consumers.ts";
import { searchReadModel } from "./search-read-model.ts";

const model = searchReadModel(searchProjection);

async function given() {
  const clock = testClock();
  const subject = await postgresSubject(clock);
  const { opened, unitOfWork, read } = subject;
  const { database, connection } = opened;
  const add = seedCatalog({ unitOfWork, clock, newId });
  let sold = 0;
  /** Puts some more products on sale. */
  const sell = async () => {
    const range = expect(SeedCatalog.parse({ from: sold, until: sold + seedBatch, seed: 1 }));
    expect(await add(range, testContext()));
    sold += seedBatch;
  };
  const { sql } = opened;
  const hits = async () =>
    (
      await read(testContext(), ({ search }) =>
        search.find({
          words: [],
          attributes: [],
          inStock: true,
          limit: 100,
          withFacets: false,
        }),
      )
    ).items.length;
  const verify = async () => refuseDifferent(await checksumsOf(database, model));
  const anew = (onProgress?: (done: number, total: number) => void) =>
    rebuild({ database, connection }, model, onProgress);
  const [first, at] = [opened, subject.project];
  return { sell, sql, hits, verify, anew, project: at, opened: first };
}

test("a read model is rebuilt of all events, and put in place of the one that stood", async () => {
  const { sell, sql, hits, verify, anew, project, opened } = await given();
  await using _ = opened;
  await sell();
  await project();
  await verify();
  await sql("delete from catalog_search.products");
  assert.equal(await hits(), 0);
  await assert.rejects(verify(), { name: "ChecksumsDiffer", message: /products, .*terms/ });

  const told: number[] = [];
  const { events } = await anew((done, total) => told.push(done, total));
  const [{ count } = {}] = await sql("select count(*)::int from catalog.events");
  assert.deepEqual([events, told], [count, [count, count]]);
  assert.equal(await hits(), seedBatch);
  await verify();
  const schemas = await sql(
    "select nspname from pg_namespace where nspname like 'catalog_search%'",
  );
  assert.deepEqual(schemas, [{ nspname: "catalog_search" }]);
  const migrations = "select schema, name from basalt.migrations where source = 'catalog_search'";
  assert.deepEqual(await sql(migrations), [{ schema: "catalog_search", name: "0001_search" }]);

  await sell();
  await project();
  assert.equal(await hits(), 2 * seedBatch, "it is followed from where the rebuild ended");
  await verify();
});

test("a rebuilt model includes events of the time of the rebuild", async () => {
  const { sell, hits, verify, anew, project, opened } = await given();
  await using _ = opened;
  await sell();
  await project();
  let more: Promise<void> | undefined;
  await anew(() => (more ??= sell()));
  await more;
  await project();
  assert.equal(await hits(), 2 * seedBatch);
  await verify();
});

test("refuses to swap in a model that differs from the tables", async () => {
  const { sell, sql, hits, verify, anew, project, opened } = await given();
  await using _ = opened;
  await sell();
  await project();
  await sql(`delete from catalog.events where (stream, type) = (
    select stream, type from catalog.events where type = 'catalog.stock-received' limit 1)`);
  await assert.rejects(anew(), (error: unknown) => {
    assert.ok(error instanceof ChecksumsDiffer);
    assert.match(error.message, /stocks/);
    return true;
  });
  assert.equal(await hits(), seedBatch, "the old one stands");
  await verify();
});

test("a rebuild that ends midway leaves what stood, and the next one begins anew", async () => {
  const { sell, hits, verify, anew, project, opened } = await given();
  await using _ = opened;
  await sell();
  await project();
  await assert.rejects(
    anew(() => {
      throw new Error("the terminal is gone");
    }),
    /the terminal is gone/,
  );
  await verify();
  await anew();
  await verify();
  assert.equal(await hits(), seedBatch);
});

test("refuses to rebuild a model that is being rebuilt", async () => {
  const { sell, anew, opened } = await given();
  await using _ = opened;
  await sell();
  const second = Promise.withResolvers<unknown>();
  await anew(() => second.resolve(anew().catch((error: unknown) => error)));
  assert.ok((await second.promise) instanceof IsBeingRebuilt);
});

test("a swap does not apply a batch of the old projector twice", async () => {
  const { sell, sql, hits, verify, anew, opened } = await given();
  await using _ = opened;
  await sell();
  const late = new pg.Client(opened.connection);
  await late.connect();
  await sql("insert into catalog.subscriptions (name, slot) values ('catalog.search', 0)");
  await late.query("begin");
  await late.query(
    "update catalog.subscriptions set position = position where name = 'catalog.search'",
  );
  const rebuilt = anew();
  const waits = `select 1 from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  while ((await sql(waits)).length === 0) await sleep(20);
  await late.query("commit");
  await late.end();
  await rebuilt;
  assert.deepEqual(
    await sql(
      "select distinct lease_token from catalog.subscriptions where name = 'catalog.search'",
    ),
    [{ lease_token: "1" }],
  );
  assert.equal(await hits(), seedBatch);
  await verify();
});
