import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { err, expect } from "#kernel/result.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { catalogOn } from "../../../../test/support/catalog.ts";
import {
  postgresSubject,
  type PostgresCatalog,
} from "../../../../test/support/catalog-on-postgres.ts";
import { testClock } from "../../../../test/support/identity.ts";
import { testContext } from "../../../../test/support/notes.ts";
import { catalogContract } from "../application/catalog.contract.ts";
import { CreateDraft } from "../application/draft-product.ts";
import { ProductId } from "../domain/ids.ts";
import { Location } from "../domain/location.ts";
import { Quantity } from "../domain/quantity.ts";
import { Sku } from "../domain/sku.ts";
import { Stock } from "../domain/stock.ts";

catalogContract("Postgres", postgresSubject);

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

const stockIn = ({ read }: PostgresCatalog) =>
  read(testContext(), ({ stocks }) => stocks.byKey(key));

async function sql({ opened }: PostgresCatalog, text: string): Promise<unknown[]> {
  const client = new pg.Client(opened.connection);
  await client.connect();
  try {
    return (await client.query<never>(text)).rows;
  } finally {
    await client.end();
  }
}

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
  const broken = `('stock/main/A', 2, ${Stock.reducer}, '{"onHand": "none"}')`;
  await sql(subject, `insert into catalog.snapshots values ${broken}`);
  now.advance(1_800_000);
  const { stocks, failures } = expect(await catalog.releaseExpired({}, admin));
  assert.deepEqual([stocks, failures.length], [1, 1]);
  const [level] = expect(await catalog.getStock({ sku: expect(Sku.parse("B")) }, admin));
  assert.equal(level?.available, 1);
});

test("the database sells nothing that is not there, and lets no two prices meet", async () => {
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
