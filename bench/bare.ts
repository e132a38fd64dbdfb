// The peer: what a team would write by hand with Fastify and pg, no layers, no log, no events.
import Fastify from "fastify";
import pg from "pg";
import { systemClock, systemIds } from "#platform/system.ts";
import { UserId } from "#contexts/identity";

const connection = JSON.parse(process.env["BENCH_CONNECTION"] ?? "{}") as pg.PoolConfig;
const pool = new pg.Pool({ ...connection, max: 10 });
await pool.query(`create schema if not exists bare`);
await pool.query(`create table if not exists bare.users (like identity.users including all)`);

const app = Fastify();

const user = {
  type: "object",
  properties: {
    id: { type: "string" },
    email: { type: "string" },
    name: { type: "string" },
    created_at: { type: "string" },
  },
};

app.get<{ Params: { id: string } }>(
  "/users/:id",
  { schema: { response: { 200: user } } },
  async (request, reply) => {
    const { rows } = await pool.query({
      name: "user-by-id",
      text: "select id, email, name, created_at from identity.users where id = $1 and deleted_at is null",
      values: [request.params.id],
    });
    return rows[0] ?? reply.code(404).send();
  },
);

const body = {
  type: "object",
  required: ["email", "name"],
  properties: {
    email: { type: "string", maxLength: 254 },
    name: { type: "string", minLength: 2, maxLength: 100 },
  },
};

app.post<{ Body: { email: string; name: string } }>(
  "/users",
  { schema: { body, response: { 201: user } } },
  async (request, reply) => {
    const { email, name } = request.body;
    const client = await pool.connect();
    try {
      await client.query("begin");
      const taken = await client.query({
        name: "user-by-email",
        text: "select id from bare.users where email = $1 and deleted_at is null",
        values: [email],
      });
      if (taken.rowCount) {
        await client.query("rollback");
        return await reply.code(409).send();
      }
      const { rows } = await client.query({
        name: "user-insert",
        text: `insert into bare.users (id, email, name, created_at, version)
               values ($1, $2, $3, $4, 1) returning id, email, name, created_at`,
        values: [systemIds(UserId), email, name, systemClock.now()],
      });
      await client.query("commit");
      return await reply.code(201).send(rows[0]);
    } finally {
      client.release();
    }
  },
);

const products = {
  product: `select id, status, name, slug, description, skus, attributes, images, created_at
              from catalog.products where id = $1 and status <> 'deleted'`,
  stock: `select s.sku, s.location, s.on_hand, s.reserved from catalog.product_skus k
            join catalog.stocks s using (sku) where k.product_id = $1 order by 1, 2`,
  prices: `select p.id, p.sku, p.list, p.currency, p.minimum_quantity, p.minor, lower(p.valid) as valid_from
             from catalog.product_skus k cross join lateral
               (select * from catalog.prices where sku = k.sku and valid @> now() offset 0) p
            where k.product_id = $1`,
};

app.get<{ Params: { id: string } }>("/products/:id", async (request, reply) => {
  const ask = (name: keyof typeof products) =>
    pool.query({ name, text: products[name], values: [request.params.id] });
  const [product, stock, prices] = await Promise.all([ask("product"), ask("stock"), ask("prices")]);
  if (product.rows.length === 0) return reply.code(404).send();
  return { ...product.rows[0], stock: stock.rows, prices: prices.rows };
});

const address = await app.listen({ port: 0 });
console.log(`ready at ${address}`);
process.on("SIGTERM", () => process.exit(0));
