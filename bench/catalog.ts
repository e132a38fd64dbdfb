import type autocannon from "autocannon";
import type { ClientConfig } from "pg";
import { expect } from "#kernel/result.ts";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { systemIds } from "#platform/system.ts";
import {
  StockReceived,
  StockReserved,
  ReservationCommitted,
} from "../src/contexts/catalog/domain/events.ts";
import { OwnerId, ReservationId } from "../src/contexts/catalog/domain/ids.ts";
import { Location } from "../src/contexts/catalog/domain/location.ts";
import { Quantity } from "../src/contexts/catalog/domain/quantity.ts";
import { Sku } from "../src/contexts/catalog/domain/sku.ts";
import { postgresStocks } from "../src/contexts/catalog/infrastructure/postgres-stocks.ts";
import { figure, inTurn, signIn, unlimited } from "./http.ts";
import {
  load,
  median,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";
import { pgbench } from "./pgbench.ts";

const shelf = 100;
const skuOf = (i: number) => `SKU-${i}`;
const units = 1_000_000_000;

type Shop = { readonly server: Server; readonly headers: { readonly authorization: string } };

async function send({ server, headers }: Shop, to: string, body?: object, more: object = {}) {
  const json = body ? { "content-type": "application/json" } : {};
  const answer = await fetch(`${server.url}/api/v1${to}`, {
    method: "POST",
    headers: { ...headers, ...json, ...more },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  if (!answer.ok) throw new Error(`${to}: ${await answer.text()}`);
  return (await answer.json()) as { readonly id: string };
}

/** Puts products on sale, each with two skus, stock and three prices; answers their ids. */
async function stocked(shop: Shop): Promise<readonly string[]> {
  const ids: string[] = [];
  for (let i = 0; i < shelf; i += 1) {
    const skus = [skuOf(i), `${skuOf(i)}-L`];
    const product = { name: `Product ${i}`, description: "For sale.", skus };
    const { id } = await send(shop, "/products", product);
    await send(shop, `/products/${id}/publication`, undefined, { "if-match": '"1"' });
    for (const sku of skus) await send(shop, `/stock/${sku}/receipts`, { quantity: units });
    for (const [sku, minimumQuantity] of [
      [skus[0], 1],
      [skus[0], 10],
      [skus[1], 1],
    ] as const)
      await send(shop, `/products/${id}/prices`, {
        sku,
        minimumQuantity,
        price: { amount: "19.90", currency: "EUR" },
      });
    ids.push(id);
  }
  return ids;
}

const oneOf = (paths: readonly string[]) => {
  let next = 0;
  return (request: autocannon.Request): autocannon.Request => ({
    ...request,
    path: paths[(next += 1) % paths.length] ?? "",
  });
};

/** The product page beside three reads by hand, reservations, and the replay of a stock. */
export async function catalogFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const env = { ...unlimited, BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
  await using server = await startServer(["src/cli.ts", "start"], env);
  const connection = EmbeddedPostgres.running(folder.path);
  await using bare = await startServer(["bench/bare.ts"], {
    BENCH_CONNECTION: JSON.stringify(connection),
  });
  const { headers } = await signIn(server);
  const shop = { server, headers };
  const ids = await stocked(shop);
  const pages = await inTurn(
    { server, request: { setupRequest: oneOf(ids.map((id) => `/api/v1/products/${id}`)) } },
    { server: bare, request: { setupRequest: oneOf(ids.map((id) => `/products/${id}`)) } },
    64,
  );
  const slowest = Math.max(...pages[0].map(({ p99Ms }) => p99Ms));
  const page = figure("GET product, 3 parts, against 3 reads at once by hand", pages, 1);
  return [
    { ...page, measured: `${page.measured}; p99 at most ${slowest.toFixed(0)} ms, no 5xx` },
    await reservations(shop, "spread over 100 skus", shelf, connection, folder.path),
    await reservations(shop, "of one hot sku", 1, connection, folder.path),
    await replay(),
  ];
}

const reservingRounds = 3;
const reservingSeconds = 4;
const buyers = 32;

/** Over HTTP, beside a guarded update by pgbench, which keeps no reason and no event. */
async function reservations(
  { server, headers }: Shop,
  what: string,
  skus: number,
  connection: ClientConfig | undefined,
  folder: string,
): Promise<Figure> {
  const paths = Array.from({ length: skus }, (_, i) => `/api/v1/stock/${skuOf(i)}/reservations`);
  const request: autocannon.Request = {
    method: "POST",
    headers: { ...headers, "content-type": "application/json" },
    body: JSON.stringify({ quantity: 1, holdS: 1 }),
    setupRequest: oneOf(paths),
  };
  const ours: number[] = [];
  for (let round = 0; round < reservingRounds; round += 1) {
    const run = await load(server, { connections: buyers, seconds: reservingSeconds, request });
    ours.push(run.perSecond);
  }
  const clients = { clients: buyers, seconds: reservingSeconds };
  const guarded =
    connection && pgbench({ folder, connection, ...clients, sql: guardedUpdate(skus) });
  return {
    what: `reservations ${what}, ${buyers} buyers`,
    measured: `${spread(ours, 0)} /s${guarded ? ` (pgbench's guarded update: ${guarded().toFixed(0)} /s)` : ""}`,
    bar: "none",
    kept: true,
  };
}

const guardedUpdate = (skus: number) =>
  `\\set i random(0, ${skus - 1})\nupdate catalog.stocks set reserved = reserved + 1 ` +
  `where sku = 'SKU-' || :i and location = 'main' and on_hand - reserved >= 1;\n`;

const replayed = 100_000;
const replays = 5;

/** A stock that was bought from a hundred thousand times, read without a snapshot. */
async function replay(): Promise<Figure> {
  const key = { sku: expect(Sku.parse("HOT")), location: Location.main };
  const quantity = (n: number) => expect(Quantity.parse(n));
  const holder = systemIds(OwnerId);
  const events = Array.from({ length: replayed / 2 }, () => {
    const one = { ...key, reservationId: systemIds(ReservationId), quantity: quantity(1) };
    const expiresAt = "2026-01-01T00:00:00.000Z" as never;
    return [StockReserved({ ...one, expiresAt, holder }), ReservationCommitted(one)];
  });
  const all = [StockReceived({ ...key, quantity: quantity(replayed) }), ...events.flat()];
  const rows = all.map(({ type, schemaVersion, payload }, i) => ({
    id: `event ${i}`,
    version: i + 1,
    type,
    schema_version: schemaVersion,
    payload,
  }));
  const read = async <Row>() => rows as Row[];
  const rates: number[] = [];
  while (rates.length < replays) {
    const stocks = postgresStocks()({ read, write: () => {}, append: () => {} });
    const startedAt = performance.now();
    await stocks.byKey(key);
    rates.push(rows.length / ((performance.now() - startedAt) / 1_000));
  }
  return {
    what: "replay of a stock, decoding included",
    measured: `${spread(rates, 0)} events/s`,
    bar: "≥ 100 000 events/s",
    kept: median(rates) >= replayed,
  };
}
