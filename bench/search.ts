import type autocannon from "autocannon";
import pg, { type ClientConfig } from "pg";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { rebuild } from "#platform/events/rebuild.ts";
import { Database } from "#platform/postgres/database.ts";
import { systemClock, systemIds } from "#platform/system.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { expect } from "#kernel/result.ts";
import {
  SeedCatalog,
  seedBatch,
  seedCatalog,
} from "../src/contexts/catalog/application/products/seed-catalog.ts";
import { postgresCatalog } from "../src/contexts/catalog/infrastructure/postgres-catalog.ts";
import { searchReadModel } from "../src/contexts/catalog/infrastructure/search-read-model.ts";
import { searchProjection } from "../src/contexts/catalog/presentation/consumers.ts";
import { unlimited } from "./http.ts";
import {
  load,
  median,
  scratchFolder,
  spread,
  startServer,
  type Figure,
  type Server,
} from "./measure.ts";

const sizes = [10_000, 100_000, 1_000_000] as const;
const judged = 100_000;
const rounds = 5;
const seconds = 3;
const connections = 4;
const p99BarMs = 40;

const category = (n: number) => `category_${String(n).padStart(26, "0")}`;
const idOf = (n: number) => `product_${String(n).padStart(26, "0")}`;

/** Rows as the projection leaves them, of products like those of `basalt seed`, up to `until`. */
const fill = (from: number, until: number) => `
  with things as materialized (
    select n, (array['black','white','red','blue','green','grey','yellow','orange'])[1 + n * 7 % 8] as colour,
           (array['classic','slim','heavy','light','organic','recycled','limited'])[1 + n * 5 % 7] as make,
           (array['shirt','hoodie','scarf','mug','teapot','board','notebook','pen','lamp','stool'])[1 + n * 3 % 10] as kind,
           'series' || n % 300 as series, 'category_' || lpad((n % 5)::text, 26, '0') as category
      from generate_series(${from}, ${until - 1}) n
  )
  insert into catalog_search.products (id, status, details, published_at, terms, facets, in_stock,
    least_minor, most_minor)
  select 'product_' || lpad(n::text, 26, '0'), 'published',
         jsonb_build_object('name', initcap(make) || ' ' || kind || ', ' || colour || ', no. ' || n,
           'slug', 'thing-' || n, 'description', 'A ' || make || ' ' || kind || ' in ' || colour || '.',
           'skus', jsonb_build_array('T' || n || '-S', 'T' || n || '-M'),
           'categoryIds', jsonb_build_array(category), 'images', '[]'::jsonb,
           'attributes', jsonb_build_array(jsonb_build_object('name', 'colour', 'value', colour),
                                           jsonb_build_object('name', 'make', 'value', make))),
         now(),
         array_to_tsvector(array[make, kind, colour, series, n::text, 'a', 'in', 'no', category,
                                 'colour=' || colour, 'make=' || make]),
         array[category, 'colour=' || colour, 'make=' || make], n % 5 > 0,
         1000 + n * 37 % 5000, 1000 + n * 37 % 5000
    from things;
  insert into catalog_search.skus
  select 'product_' || lpad(n::text, 26, '0'), 'T' || n || size
    from generate_series(${from}, ${until - 1}) n, unnest(array['-S', '-M']) size;
  insert into catalog_search.prices
  select 'price_' || n || size, 'T' || n || size, 'standard', 'EUR', 1000 + n * 37 % 5000, now(), null
    from generate_series(${from}, ${until - 1}) n, unnest(array['-S', '-M']) size;
  truncate catalog_search.terms;
  insert into catalog_search.terms
  select term, count(*) from catalog_search.products, unnest(tsvector_to_array(terms)) term group by term;`;

/** What people search for, all with facets: frequent words, rare ones, typing errors, filters. */
const searches = (size: number) => [
  "",
  "q=red",
  "q=red+shirt",
  "q=organic+teapot+blue",
  "q=series7",
  `q=${Math.floor(size / 2)}`,
  "q=hodie",
  "q=lam",
  "attribute=colour:red&attribute=make:slim",
  `categoryId=${category(3)}&inStock=true`,
  "q=mug&currency=EUR&minPrice=10&maxPrice=15",
  "currency=EUR&minPrice=20&maxPrice=21&inStock=true",
  `q=red&cursor=${idOf(Math.floor(size / 2))}`,
];

const inTurn = (paths: readonly string[]) => {
  let next = 0;
  return (request: autocannon.Request): autocannon.Request => ({
    ...request,
    path: `/api/v1/products/search?facets=true&${paths[(next += 1) % paths.length]}`,
  });
};

type Latency = { readonly p99Ms: number; readonly meanMs: number };

async function latencies(server: Server, size: number): Promise<readonly Latency[]> {
  const request = { setupRequest: inTurn(searches(size)) };
  await load(server, { connections, seconds, request });
  const measured: Latency[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const { p99Ms, perSecond } = await load(server, { connections, seconds, request });
    measured.push({ p99Ms, meanMs: (connections * 1_000) / perSecond });
  }
  return measured;
}

/** Searches over more and more products, and the rebuild of what they look into. */
export async function searchFigures(): Promise<readonly Figure[]> {
  await using folder = await scratchFolder();
  const env = { ...unlimited, BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
  await using server = await startServer(["src/cli.ts", "start"], env);
  const connection = EmbeddedPostgres.running(folder.path);
  if (!connection) throw new Error("the server has no Postgres of its own");
  const rebuilt = await rebuildFigure(connection);
  const owner = new pg.Client(connection);
  await owner.connect();
  await using _ = { [Symbol.asyncDispose]: () => owner.end() };
  const curve: { readonly size: number; readonly latencies: readonly Latency[] }[] = [];
  await owner.query(
    `insert into catalog.categories (id, name, slug, version)
     select 'category_' || lpad(n::text, 26, '0'), 'Shelf ' || n, 'shelf-' || n, 1
       from generate_series(0, 4) n`,
  );
  let filled = 0;
  await owner.query(
    "truncate catalog_search.products, catalog_search.skus, catalog_search.stocks, catalog_search.prices",
  );
  for (const size of sizes) {
    await owner.query(fill(filled, size));
    await owner.query("vacuum analyze");
    filled = size;
    curve.push({ size, latencies: await latencies(server, size) });
  }
  return [...figuresOf(curve), rebuilt];
}

function figuresOf(
  curve: readonly { readonly size: number; readonly latencies: readonly Latency[] }[],
): readonly Figure[] {
  const p99s = (size: number) =>
    curve.find((point) => point.size === size)?.latencies.map(({ p99Ms }) => p99Ms) ?? [];
  const mean = (size: number) =>
    median(curve.find((point) => point.size === size)?.latencies.map(({ meanMs }) => meanMs) ?? []);
  const [least, , most] = sizes;
  const growth = mean(most) / mean(least);
  const allowed = Math.log(most) / Math.log(least);
  const points = curve.map(
    ({ size, latencies }) =>
      `${size}: mean ${mean(size).toFixed(1)}, p99 ${spread(
        latencies.map(({ p99Ms }) => p99Ms),
        0,
      )} ms`,
  );
  return [
    {
      what: `p99 of a search with facets over ${judged} products, ${connections} at once`,
      measured: `${spread(p99s(judged), 1)} ms`,
      bar: `< ${p99BarMs} ms`,
      kept: median(p99s(judged)) < p99BarMs,
    },
    {
      what: `mean of a search, from ${least} to ${most} products`,
      measured: `${growth.toFixed(2)} × (${points.join("; ")})`,
      bar: `≤ ${allowed.toFixed(1)} ×, as the logarithm`,
      kept: growth <= allowed,
    },
  ];
}

const seeded = 5_000;
const rebuilds = 3;

async function rebuildFigure(connection: ClientConfig): Promise<Figure> {
  await using database = new Database({
    connection,
    clock: systemClock,
    maxConnections: 10,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 600_000,
    idleInTransactionTimeoutMs: 60_000,
  });
  const units = { database, schema: "catalog", scope: postgresCatalog(), onAppended: () => {} };
  const [clock, newId] = [systemClock, systemIds];
  const add = seedCatalog({ ...postgresUnitOfWork({ ...units, clock, newId }), clock, newId });
  for (let from = 0; from < seeded; from += seedBatch) {
    const range = expect(SeedCatalog.parse({ from, until: seeded, seed: 1 }));
    const context = { actor: "system", correlationId: "bench", deadlineMs: Infinity };
    expect(await add(range, context));
  }
  const model = searchReadModel(searchProjection);
  const rates: number[] = [];
  for (let round = 0; round < rebuilds; round += 1) {
    const startedAt = performance.now();
    const { events } = await rebuild({ database, connection }, model);
    rates.push(events / ((performance.now() - startedAt) / 1_000));
  }
  return {
    what: `rebuild of the search's read model, ${seeded} products, checksums and swap included`,
    measured: `${spread(rates, 0)} events/s`,
    bar: "≥ 20 000 events/s",
    kept: median(rates) >= 20_000,
  };
}
