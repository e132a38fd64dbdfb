import assert from "node:assert/strict";
import { test } from "node:test";
import { err, expect } from "#kernel/result.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { catalogOn } from "../testing/fixtures.ts";
import { postgresSubject, type PostgresCatalog } from "../testing/on-postgres.ts";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import { postgresCatalog } from "./postgres-catalog.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { catalogContract } from "../testing/catalog.contract.ts";
import { stockContract } from "../testing/stock.contract.ts";
import { CreateDraft } from "../application/products/draft-product.ts";
import { Instant } from "#kernel/instant.ts";
import { OwnerId, ProductId, ReservationId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { Quantity } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import { Stock } from "../domain/stock.ts";

catalogContract("Postgres", postgresSubject);
stockContract("Postgres", postgresSubject);

const key = { sku: expect(Sku.parse("M")), location: Location.main };
const one = expect(Quantity.parse(1));

async function receive({ unitOfWork }: PostgresCatalog, times: number): Promise<void> {
  for (let i = 0; i < times; i += 1)
    expect(
      await unitOfWork(testContext(), async ({ stocks }) => {
        const received = Stock.receive(await stocks.byKey(key), one);
        if (received.ok) stocks.save(received.value);
        return received;
      }),
    );
}

/** As a process finds it that has seen nothing yet. */
function stockIn({ opened: { database } }: PostgresCatalog) {
  const units = { database, schema: "catalog", scope: postgresCatalog(), onAppended: () => {} };
  const { read } = postgresUnitOfWork({ ...units, clock, newId });
  return read(testContext(), ({ stocks }) => stocks.byKey(key));
}

const sql = ({ opened }: PostgresCatalog, text: string) => opened.sql(text);

test("a replay begins at the newest snapshot, and never at one of an older reducer", async () => {
  await using subject = await postgresSubject(clock);
  await receive(subject, 105);
  assert.deepEqual(await sql(subject, "select version, reducer, state from catalog.snapshots"), [
    { version: "100", reducer: Stock.reducer, state: { onHand: 100, reservations: [] } },
  ]);
  await sql(subject, `update catalog.snapshots set state = '{"onHand": 7, "reservations": []}'`);
  assert.equal((await stockIn(subject)).onHand, 12, "the snapshot is where it begins");

  await sql(subject, `update catalog.snapshots set reducer = reducer - 1`);
  const stock = await stockIn(subject);
  assert.deepEqual([stock.onHand, stock.version], [105, 105]);
  await receive(subject, 95);
  assert.deepEqual(await sql(subject, "select version, reducer from catalog.snapshots"), [
    { version: "200", reducer: Stock.reducer },
  ]);
});

test("a remembered stock includes the events of other processes", async () => {
  await using subject = await postgresSubject(clock);
  const remembered = () => subject.read(testContext(), ({ stocks }) => stocks.byKey(key));
  assert.equal((await remembered()).version, 0);
  await receive(subject, 3);
  assert.deepEqual(await remembered(), await stockIn(subject));
  await sql(
    subject,
    `insert into catalog.events (id, stream, version, type, schema_version, payload, metadata, occurred_at)
     select 'evt_other', stream, version + 1, type, schema_version, payload, metadata, occurred_at
       from catalog.events where version = 3`,
  );
  assert.deepEqual([(await remembered()).onHand, (await remembered()).version], [4, 4]);
  // An older backup was brought back, and the log went on otherwise.
  await sql(subject, "delete from catalog.events where version > 2");
  assert.equal((await remembered()).onHand, 2);
  await sql(subject, "update catalog.events set id = 'evt_another' where version = 2");
  await sql(
    subject,
    `update catalog.events set payload = payload || '{"quantity": 5}' where version = 1`,
  );
  assert.equal((await remembered()).onHand, 6);
});

test("a stock of many reservations keeps its snapshots apart, and is read from them", async () => {
  await using subject = await postgresSubject(clock);
  const { unitOfWork } = subject;
  await receive(subject, 1);
  const many = expect(Quantity.parse(1_000));
  for (let i = 0; i < 100; i += 1)
    expect(
      await unitOfWork(testContext(), async ({ stocks }) => {
        const stock = await stocks.byKey(key);
        const holder = newId(OwnerId);
        const expiresAt = Instant.plus(clock.now(), 3_600_000);
        const wanted = { id: newId(ReservationId), quantity: one, expiresAt, holder };
        const stocked =
          i === 0 ? Stock.receive(stock, many) : Stock.reserve(stock, wanted, clock.now());
        if (stocked.ok) stocks.save(stocked.value);
        return stocked;
      }),
    );
  const [snapshot] = await sql(subject, "select version from catalog.snapshots");
  assert.equal(snapshot?.["version"], "64", "the next one comes after 128 events");
  assert.equal((await stockIn(subject)).reservations.size, 99);
});

test("a stock that cannot be read holds up no other when reservations expire", async () => {
  const testing = testClock();
  const subject = await postgresSubject(testing); // the shop closes it
  await using shop = await catalogOn(async () => subject);
  const { catalog, clock: now } = shop;
  const admin = { ...(await shop.asAdmin()), deadlineMs: now.unixMs() + 3_600_000 };
  const skus = ["A", "B"].map((text) => expect(Sku.parse(text)));
  const draft = CreateDraft.parse({ name: "Both", description: "x", skus });
  const { id, version } = expect(await catalog.draftProduct(expect(draft), admin));
  expect(await catalog.publishProduct({ productId: id, expectedVersion: version }, admin));
  for (const sku of skus) {
    expect(await catalog.receiveStock({ sku, quantity: one }, admin));
    expect(await catalog.reserveStock({ sku, quantity: one }, admin));
  }
  await sql(
    subject,
    `insert into catalog.events (id, stream, version, type, schema_version, payload, metadata, occurred_at)
     select 'evt_odd', stream, version + 1, 'catalog.unheard-of', 1, '{}', metadata, occurred_at
       from catalog.events where stream = 'stock/main/A' order by version desc limit 1`,
  );
  now.advance(1_800_000);
  const { done: stocks, failures } = expect(await catalog.releaseExpired({}, admin));
  assert.deepEqual([stocks, failures.length], [1, 1]);
  const [level] = expect(await catalog.getStock({ sku: expect(Sku.parse("B")) }, admin));
  assert.equal(level?.available, 1);
});

test("the database refuses negative stock and overlapping prices", async () => {
  await using subject = await postgresSubject(clock);
  await receive(subject, 1);
  await assert.rejects(sql(subject, "update catalog.stocks set reserved = 2"), { code: "23514" });
  const price = (id: string, from: string) =>
    sql(
      subject,
      `insert into catalog.prices values
         ('${id}', 'M', 'standard', 'EUR', 1, 100, tstzrange('${from}', null))`,
    );
  await price("price_1", "2026-01-01");
  await assert.rejects(price("price_2", "2026-02-01"), { code: "23P01" });
});

test("a product page takes three statements, which leave together", async () => {
  const clock = testClock();
  const subject = await postgresSubject(clock); // the shop closes it
  const { database } = subject.opened;
  const query = database.query.bind(database);
  const asked: { readonly name: string; readonly afterAnswers: number }[] = [];
  let answers = 0;
  database.query = async (statement, values, deadlineMs) => {
    asked.push({ name: statement.name, afterAnswers: answers });
    const rows = await query(statement, values, deadlineMs);
    answers += 1;
    return rows;
  };
  await using shop = await catalogOn(async () => subject);
  const productId = newId(ProductId);
  const page = await shop.catalog.getProduct({ productId }, await shop.stranger());
  assert.deepEqual(page, err({ type: "product-not-found" }));
  assert.deepEqual(asked, [
    { name: "catalog.product-by-id", afterAnswers: 0 },
    { name: "catalog.levels-of-product", afterAnswers: 0 },
    { name: "catalog.prices-of-product", afterAnswers: 0 },
  ]);
});
