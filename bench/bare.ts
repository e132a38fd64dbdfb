// The peer: what a team would write by hand with Fastify and pg, no layers, no log, no events.
import Fastify from "fastify";
import pg from "pg";
import { systemClock, systemIds } from "#platform/system.ts";
import { EventId } from "#kernel/event.ts";
import { UserId } from "#contexts/identity";
import { EntryId, TransferId } from "../src/contexts/accounts/domain/ids.ts";

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

await pool.query(
  ["accounts", "entries", "movements", "transfers", "events"]
    .map(
      (table) => `create table if not exists bare.${table} (like accounts.${table} including all)`,
    )
    .join(";"),
);
await pool.query(
  "insert into bare.accounts select * from accounts.accounts on conflict do nothing",
);

type Transfer = {
  readonly legs: readonly [
    { readonly from: string; readonly to: string; readonly amount: { readonly amount: string } },
  ];
};
/** The rows of a transfer but those of its accounts. */
const record = `
  with entry as (insert into bare.entries (id, date, tags, transfer_id) values ($1, current_date, '{}', $2)),
  movement as (insert into bare.movements (account_id, sequence, recorded_at, date, entry_id, line, transfer_id, currency,
      amount, held, posted_after, held_after)
    values ($3, $4, now(), current_date, $1, 1, $2, 'EUR', -$9::bigint, 0, $5, 0),
           ($6, $7, now(), current_date, $1, 2, $2, 'EUR', $9::bigint, 0, $8, 0)),
  transfer as (insert into bare.transfers (id, status, legs, moved, tags, made_by, entry_id, version)
    values ($2, 'posted', $10::jsonb, $10::jsonb, '{}', 'bench', $1, 1))
  insert into bare.events (stream, version, id, type, schema_version, payload, metadata, occurred_at)
  values ($2, 1, $11, 'accounts.transfer-posted', 1, $10::jsonb, '{}', now())`;

app.post<{ Body: Transfer }>("/transfers", async (request, reply) => {
  const { legs } = request.body;
  const [{ from, to, amount }] = legs;
  const cents = Number(amount.amount) * 100;
  const [transferId, entryId, eventId] = [
    systemIds(TransferId),
    systemIds(EntryId),
    systemIds(EventId),
  ];
  const client = await pool.connect();
  try {
    await client.query("begin");
    const { rows } = await client.query<{ id: string }>({
      name: "accounts-locked",
      text: "select id from bare.accounts where id in ($1, $2) and status = 'active' order by id for no key update",
      values: [from, to],
    });
    if (rows.length < 2) {
      await client.query("rollback");
      return await reply.code(422).send();
    }
    const moved = await client.query<{ id: string; posted: string; movements: string }>({
      name: "accounts-moved",
      text: `update bare.accounts set posted = posted + case when id = $1 then -$3::bigint else $3::bigint end,
                    movements = movements + 1, moved_at = now()
              where id in ($1, $2) returning id, posted, movements`,
      values: [from, to, cents],
    });
    const after = (id: string) => {
      const row = moved.rows.find((one) => one.id === id);
      return [id, row?.movements, row?.posted];
    };
    const values = [entryId, transferId, ...after(from), ...after(to), cents];
    await client.query({
      name: "transfer-recorded",
      text: record,
      values: [...values, JSON.stringify({ legs }), eventId],
    });
    await client.query("commit");
    return await reply.code(201).send({ id: transferId, legs, status: "posted" });
  } finally {
    client.release();
  }
});

const address = await app.listen({ port: 0 });
console.log(`ready at ${address}`);
process.on("SIGTERM", () => process.exit(0));
