import type { ClientConfig } from "pg";
import { event } from "#kernel/event.ts";
import { identifier, type Id } from "#kernel/id.ts";
import { expect, ok } from "#kernel/result.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { postgresUnitOfWork, type Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import { systemClock, systemIds } from "#platform/system.ts";
import { benchDatabase } from "./database.ts";
import { inFlight, median, perSecond, seconds, spread, type Figure } from "./measure.ts";
import { pgbench } from "./pgbench.ts";

const rounds = 5;

type OrderId = Id<"order">;
const OrderId = identifier<OrderId>("order");
type Total = Brand<number, "Total">;
const Total = branded<Total>("total", { schema: { type: "integer" } });
const OrderPlaced = event("bench.order-placed", 1, { orderId: OrderId, total: Total });

const insertOrder = mutation(
  "bench.order-insert",
  "orders",
  "insert into bench.orders (id, total, version) values ($1, $2, $3)",
);

const scope = ({ write, append }: Transaction) => ({
  place(id: OrderId, total: Total) {
    write(insertOrder, [id, total, 1]);
    append(id, Version.none, [OrderPlaced({ orderId: id, total })]);
  },
});

/** The unit of work, one row and one event, against the same statement sent by pgbench or by `pg`. */
export async function unitOfWorkFigures(): Promise<readonly Figure[]> {
  await using bench = await benchDatabase();
  const { database, connection } = bench;
  await database.query(
    statement(
      "bench.orders",
      'create table bench.orders (id text collate "C" primary key, total bigint, version bigint)',
    ),
    [],
  );
  const { unitOfWork } = postgresUnitOfWork({
    database,
    schema: "bench",
    scope,
    clock: systemClock,
    newId: systemIds,
    onAppended: () => {},
  });
  const total = expect(Total.parse(1999));
  const context = () => ({
    actor: "bench",
    correlationId: "bench",
    deadlineMs: systemClock.unixMs() + 10_000,
  });
  const ours = () =>
    perSecond(() =>
      unitOfWork(context(), async (orders) => ok(orders.place(systemIds(OrderId), total))),
    );
  const reference = pgbenchRate(bench.folder, connection);
  const limit = reference ?? (() => perSecond(() => bareStatement(database)));

  await ours();
  await limit();
  const rates: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round += 1) {
    rates[0].push(await ours());
    rates[1].push(await limit());
  }
  const ratios = rates[0].map((rate, i) => rate / (rates[1][i] ?? NaN));
  return [
    {
      what: `unit of work, 1 row + 1 event, ${inFlight} in flight, against ${reference ? "pgbench" : "pg"}`,
      measured: `${spread(ratios)} × (${median(rates[0]).toFixed(0)} against ${median(rates[1]).toFixed(0)} /s)`,
      bar: "≥ 0.85 ×",
      kept: median(ratios) >= 0.85,
      ratio: median(ratios),
    },
  ];
}

/** What a unit of work sends, with a value for each parameter. */
const sql = (id: string, event: string, others: Readonly<Record<keyof typeof values, string>>) => `
  with w0 as (insert into bench.orders (id, total, version)
    values (${id}, ${others.total}, ${others.version}))
  insert into bench.events
    (id, stream, version, type, schema_version, payload, metadata, occurred_at)
  values (${event}, ${id}, ${others.version}, ${others.type}, ${others.schema_version},
    ${others.payload}, ${others.metadata}, ${others.occurred_at})`;

const values = {
  total: "1999",
  version: "1",
  type: "bench.order-placed",
  schema_version: "1",
  payload: '{"orderId":"order_01h455vb4pex5vsknk084sn02q","total":1999}',
  metadata: '{"actor":"bench","correlationId":"bench"}',
  occurred_at: "2026-01-31T12:00:00.000Z",
};

const placeholders = (spell: (name: string, index: number) => string) =>
  Object.fromEntries(
    Object.keys(values).map((name, index) => [name, spell(name, index)]),
  ) as typeof values;

const bare = statement(
  "bench.bare",
  sql(
    "$1",
    "$2",
    placeholders((_, index) => `$${index + 3}`),
  ),
);

async function bareStatement(database: Database): Promise<void> {
  const id = systemIds(OrderId);
  await database.query(bare, [id, `evt_${id}`, ...Object.values(values)]);
}

/** pgbench with the same statement; undefined where the machine has no pgbench. */
function pgbenchRate(folder: string, connection: ClientConfig) {
  const insert = sql(
    "'order_' || to_hex((:a)::bigint) || to_hex((:b)::bigint)",
    "'evt_' || to_hex((:a)::bigint)",
    placeholders((name) => `:${name}`),
  );
  const numbers = "\\set a random(1, 9000000000000000)\n\\set b random(1, 9000000000000000)\n";
  return pgbench({
    folder,
    connection,
    clients: inFlight,
    seconds,
    variables: values,
    sql: `${numbers}${insert.replaceAll("\n", " ")};\n`,
  });
}
