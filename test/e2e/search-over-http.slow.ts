import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { asAdmin, launch, scratch } from "../support/basalt.ts";
import { sell } from "../support/http.ts";
import { until } from "../support/until.ts";
import { namesOf, search } from "./shop.ts";

const products = 600;

test("a read model is listed, verified and rebuilt while Basalt runs, and after a kill", async () => {
  await using folder = await scratch();
  const env = { BASALT_DATA_DIR: folder.path };
  const basalt = async (...args: readonly string[]) => launch(args, env).ended;
  assert.equal((await basalt("seed", "--products", String(products))).code, 0);
  await using running = launch(["start"], env);
  const url = await running.url;
  const at = { url, headers: (await asAdmin({ url })).headers };
  const isFollowed = async () =>
    /catalog\.search {2}0 events behind/.test((await basalt("projections", "list")).output);
  await until(isFollowed);
  const verified = await basalt("projections", "verify");
  assert.equal(verified.code, 0, verified.output);
  assert.match(verified.output, /ok {3}catalog\.search: products in stock/);

  const killed = launch(["projections", "rebuild"], env);
  await until(async () => {
    const { EmbeddedPostgres } = await import("#platform/postgres/embedded.ts");
    const client = new pg.Client(EmbeddedPostgres.running(folder.path));
    await client.connect();
    const { rows } = await client.query(
      "select from pg_namespace where nspname = 'catalog_search_next'",
    );
    await client.end();
    return rows.length > 0;
  });
  killed.child.kill("SIGKILL");
  await killed.ended;
  assert.equal((await namesOf(at, "limit=100")).length, 100, "searches go on");

  const rebuilding = basalt("projections", "rebuild", "catalog.search");
  const id = await sell(at, 1);
  const rebuilt = await rebuilding;
  assert.equal(rebuilt.code, 0, rebuilt.output);
  assert.match(rebuilt.output, /catalog\.search was rebuilt from \d+ events/);
  await until(async () => (await search(at, "q=ts-m")).items[0]?.["id"] === id);
  await until(isFollowed);
  assert.equal((await basalt("projections", "verify")).code, 0);
  assert.equal((await basalt("projections", "rebuild", "nothing")).code, 2);
});
