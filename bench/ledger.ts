import path from "node:path";
import type autocannon from "autocannon";
import pg from "pg";
import { EmbeddedPostgres } from "#platform/postgres/embedded.ts";
import { migrate } from "#platform/postgres/migrations.ts";
import { closeChain } from "../src/contexts/accounts/infrastructure/ledger-chain.ts";
import { verifyLedger } from "../src/contexts/accounts/infrastructure/verify-ledger.ts";
import { benchDatabase } from "./database.ts";
import { figure, inTurn, signIn, unlimited } from "./http.ts";
import { root, scratchFolder, startServer, type Figure } from "./measure.ts";

const accounts = 1_000;
const connections = 32;
const idOf = (n: number) => `account_${String(n).padStart(26, "0")}`;
const any = (most: number) => 1 + Math.floor(Math.random() * most);

/** Accounts of the book, which nothing limits. */
const accountsOf = (until: number) =>
  `insert into accounts.accounts (id, name, type, currency, status, opened_at, version, posted)
   select 'account_' || lpad(n::text, 26, '0'), 'Bench', 'equity', 'EUR', 'active', now(), 1, 0
     from generate_series(1, ${until}) n`;

const transfer = (at: string, headers: object = {}): autocannon.Request => ({
  method: "POST",
  path: at,
  headers: { "content-type": "application/json", ...headers },
  setupRequest: (request) => ({
    ...request,
    body: JSON.stringify({
      legs: [
        {
          from: idOf(any(accounts / 2)),
          to: idOf(accounts / 2 + any(accounts / 2)),
          amount: { amount: "0.01", currency: "EUR" },
        },
      ],
    }),
  }),
});

async function httpFigure(): Promise<Figure> {
  await using folder = await scratchFolder();
  const env = { ...unlimited, BASALT_DATA_DIR: folder.path, BASALT_CONSUMERS: "false" };
  await using basalt = await startServer(["src/cli.ts", "start"], env);
  const connection = EmbeddedPostgres.running(folder.path);
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(accountsOf(accounts));
  await client.end();
  await using bare = await startServer(["bench/bare.ts"], {
    BENCH_CONNECTION: JSON.stringify(connection),
  });
  const { headers } = await signIn(basalt);
  const runs = await inTurn(
    { server: basalt, request: transfer("/api/v1/transfers", headers) },
    { server: bare, request: transfer("/transfers") },
    connections,
  );
  return figure(
    "POST transfer, 32 connections, against five round trips of bare Fastify + pg",
    runs,
    0.6,
  );
}

const [entries, pairs] = [100_000, 1_000];

/** Entries of one unit from an account to another, in turn over all pairs of accounts. */
const history = `
  ${accountsOf(2 * pairs)};
  update accounts.accounts set movements = ${entries / pairs}, moved_at = now(),
    posted = case when id <= '${idOf(pairs)}' then -1 else 1 end * ${entries / pairs};
  insert into accounts.entries (id, date, tags)
    select 'entry_' || lpad(n::text, 26, '0'), (now() at time zone 'UTC')::date, '{}' from generate_series(1, ${entries}) n;
  insert into accounts.movements (account_id, sequence, recorded_at, date, entry_id, line, currency, amount, held, posted_after, held_after)
    select 'account_' || lpad(((n - 1) % ${pairs} + 1 + line * ${pairs})::text, 26, '0'), (n - 1) / ${pairs} + 1, now(),
           (now() at time zone 'UTC')::date, 'entry_' || lpad(n::text, 26, '0'), line + 1, 'EUR',
           2 * line - 1, 0, (2 * line - 1) * ((n - 1) / ${pairs} + 1), 0
      from generate_series(1, ${entries}) n, generate_series(0, 1) line;
  insert into accounts.events (stream, version, id, type, schema_version, payload, metadata, occurred_at)
    select 'entry_' || lpad(n::text, 26, '0'), 1, 'evt_' || n, 'accounts.entry-posted', 1,
           jsonb_build_object('entryId', 'entry_' || lpad(n::text, 26, '0')), '{}', now()
      from generate_series(1, ${entries}) n;
  analyze accounts.movements, accounts.entries, accounts.events`;

async function verificationFigure(): Promise<Figure> {
  await using bench = await benchDatabase();
  const { connection, database } = bench;
  const schema = "accounts";
  const folderOf = (folder: string) => path.join(root, "src", folder);
  await migrate(connection, [
    { schema, source: "platform", folder: folderOf("platform/events/migrations") },
    { schema, source: schema, folder: folderOf("contexts/accounts/infrastructure/migrations") },
  ]);
  const client = new pg.Client(connection);
  await client.connect();
  await client.query(history);
  await client.end();

  const perSecond = (ms: number) => Math.round((2 * entries * 1_000) / ms);
  const begun = performance.now();
  await closeChain(database);
  const linked = performance.now();
  const verdict = await verifyLedger(database);
  const verified = performance.now();
  if (!verdict.intact) throw new Error(`${verdict.broken.id}: ${verdict.broken.why}`);
  const rate = perSecond(verified - linked);
  return {
    what: `verification of a ledger of ${2 * entries} postings, with its chain`,
    measured: `${rate} postings/s (linked before at ${perSecond(linked - begun)})`,
    bar: "≥ 100 000 postings/s",
    kept: rate >= 100_000,
  };
}

/** Transfers over HTTP, and the verification of the ledger. */
export const ledgerFigures = async (): Promise<readonly Figure[]> => [
  await httpFigure(),
  await verificationFigure(),
];
