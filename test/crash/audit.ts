import pg, { type ClientConfig } from "pg";
import { Database } from "#platform/postgres/database.ts";
import { systemClock as clock } from "#platform/system.ts";
import { basalt } from "../../src/composition.ts";
import { files, purged, usage } from "./files.ts";
import type { SmtpInbox } from "../support/smtp.ts";
import { trails } from "./trails/audit.ts";
import type { Target } from "./site.ts";
import type { Receiver } from "./trails/receiver.ts";
import { isDone, type Acknowledged, type Ledger } from "./ledger.ts";
import { firstBalance, importedRows, statementRows, type Payment } from "./load.ts";

type Row = Readonly<Record<string, unknown>>;
export type Ask = (sql: string) => Promise<readonly Row[]>;

export type Found = {
  readonly connection: ClientConfig;
  /** Between which money goes to and fro. */
  readonly accounts: readonly string[];
  /** What the brokerage has told of, by id. */
  readonly deposits: readonly string[];
  /** The content of a file, as it is downloaded. */
  readonly contentOf: (nodeId: string) => Promise<string>;
  /** Emails that may have been sent again. */
  readonly repeatable: number;
  readonly inbox: Pick<SmtpInbox, "envelopes">;
  readonly receiver: Pick<Receiver, "taken">;
};

/** What was promised and is not so; empty where all is well. */
export async function audit(found: Found, ledger: Ledger): Promise<readonly string[]> {
  const client = new pg.Client(found.connection);
  await client.connect();
  const ask: Ask = async (sql) => (await client.query<Row>(sql)).rows;
  try {
    return [
      ...ledger.contradictions,
      ...(await streams(ask)),
      ...(await acknowledged(ask, ledger)),
      ...(await imports(ask)),
      ...(await statements(ask, ledger)),
      ...(await syncs(ask, found)),
      ...(await files(ledger, found)),
      ...(await purged(ask, ledger)),
      ...(await usage(ask)),
      ...(await stock(ask)),
      ...(await money(ask, ledger, found)),
      ...(await parked(ask)),
      ...(await emails(ask, found)),
      ...(await models(found.connection)),
      ...(await trails(ask, found.receiver)),
    ];
  } finally {
    await client.end();
  }
}

/** Every stream counts from one without a gap, and no row of an aggregate is ahead of its events. */
async function streams(ask: Ask): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const schema of basalt.logs) {
    const gaps = await ask(
      `select stream from ${schema}.events group by stream
        having count(*) <> max(version) or min(version) <> 1 limit 5`,
    );
    complaints.push(...gaps.map(({ stream }) => `${schema}: ${String(stream)} has a gap`));
  }
  for (const [schema, table] of [
    ["identity", "users"],
    ["catalog", "products"],
    ["accounts", "accounts"],
    ["accounts", "transfers"],
    ["drive", "spaces"],
    ["drive", "nodes"],
  ]) {
    const odd = await ask(
      `select t.id from ${schema}.${table} t
         left join (select stream, max(version) as version from ${schema}.events group by stream) e
           on e.stream = t.id
        where e.version is distinct from t.version limit 5`,
    );
    complaints.push(...odd.map(({ id }) => `${String(id)} is not what its events say`));
  }
  return complaints;
}

/** Where what a client was told to exist is kept. */
const kept = {
  user: "select id from identity.users",
  product: "select id from catalog.products",
  reservation: "select id from catalog.reservations",
  import: "select id from catalog.imports where status <> 'arriving'",
  statement:
    "select id from accounts.statement_imports where status <> 'arriving' and provider = 'bank'",
  sync: "select id from accounts.syncs",
  file: "select id from drive.nodes where kind = 'file' and name not similar to '%-(copy|up|nc|gone|b_)'",
  copy: "select id from drive.nodes where name like '%-copy'",
  commit: "select id from drive.nodes where name like '%-up'",
  pieces: "select id from drive.nodes where name like '%-nc'",
  batch:
    "select string_agg(id, ' ' order by name) as id from drive.nodes where name like '%-b_' group by left(name, -3)",
  revision: "select node_id as id from drive.revisions where number = 2",
  back: "select node_id as id from drive.revisions where number = 3",
  transfer: "select id from accounts.transfers",
  posting: "select id from accounts.transfers where status = 'posted' and hold_s is not null",
  voiding: "select id from accounts.transfers where status = 'voided'",
} as const;
/** Two of these may be the same: one that nobody was told of was made for a request that was repeated. */
const repeatable = new Set([
  "reservation",
  "import",
  "statement",
  "file",
  "revision",
  "copy",
  "commit",
  "pieces",
  "batch",
  "transfer",
  "posting",
  "voiding",
]);

/** Everything that was acknowledged is there, as acknowledged; nothing is there twice. */
async function acknowledged(ask: Ask, ledger: Ledger): Promise<readonly string[]> {
  const complaints: string[] = [];
  const all = [...ledger.acknowledged.values()].filter(isDone);
  for (const [kind, sql] of Object.entries(kept)) {
    const rows = await ask(sql);
    const ids = new Set(rows.map(({ id }) => id));
    const told = all.filter((one) => one.kind === kind);
    const lost = told.filter(({ answer }) => !ids.has(answer));
    complaints.push(...lost.map(({ key }) => `lost: ${kind} ${key}`));
    const known = new Set(told.map(({ answer }) => answer));
    if (repeatable.has(kind)) {
      const unknown = [...ids].filter((id) => !known.has(String(id)));
      complaints.push(
        ...unknown.map((id) => `nobody was told of ${String(id)}: it was made twice`),
      );
    }
  }
  return [...complaints, ...(await receipts(ask, all))];
}

/** Receipts have no id: their sum tells whether one is missing, or was counted twice. */
async function receipts(ask: Ask, all: readonly Acknowledged[]): Promise<readonly string[]> {
  const rows = await ask(
    `select payload ->> 'sku' as sku, count(*)::int as n from catalog.events
      where type = 'catalog.stock-received' and payload ->> 'quantity' = '5' group by 1`,
  );
  const counted = new Map(rows.map(({ sku, n }) => [sku, Number(n)]));
  const told = Map.groupBy(
    all.filter(({ kind }) => kind === "receipt"),
    ({ path: at }) => at.split("/")[2] ?? "",
  );
  const skus = new Set([...counted.keys(), ...told.keys()].map(String));
  return [...skus].flatMap((sku) => {
    const [wanted, found] = [told.get(sku)?.length ?? 0, counted.get(sku) ?? 0];
    return wanted === found ? [] : [`${sku}: ${wanted} receipts acknowledged, ${found} kept`];
  });
}

/** Every row of a file made what it says, once: a second time it would have changed nothing. */
async function imports(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `select id, status, created, changed, unchanged, refused from catalog.imports
      where status <> 'arriving' and (status <> 'finished' or created <> ${importedRows}
         or changed + unchanged + refused <> 0)`,
  );
  return rows.map((row) => `import: ${JSON.stringify(row)}`);
}

/** Every row of a bank's file made one line, which moved its cent once. */
async function statements(ask: Ask, ledger: Ledger): Promise<readonly string[]> {
  const unfinished = await ask(
    `select id, status, created, row_count from accounts.statement_imports
      where provider = 'bank' and status <> 'arriving'
        and (status <> 'finished' or created <> ${statementRows}) limit 5`,
  );
  const lines = await ask(
    `select l.external_id as id, l.status, sum(m.amount)::text as moved from accounts.lines l
       left join accounts.movements m on m.account_id = l.account_id and m.entry_id = l.entry_id
      group by l.id, l.external_id, l.status`,
  );
  const wrong = lines.filter(({ status, moved }) => status !== "booked" || moved !== "1");
  const counts = Map.groupBy(lines, ({ id }) => String(id).replace(/-\d+$/, ""));
  const told = [...ledger.acknowledged.values()].filter(
    (one) => one.kind === "statement" && isDone(one),
  );
  const odd = told.filter(({ key }) => counts.get(key)?.length !== statementRows);
  return [
    ...unfinished.map((row) => `statement: ${JSON.stringify(row)}`),
    ...wrong.slice(0, 5).map((row) => `statement: ${JSON.stringify(row)}`),
    ...odd.map(({ key }) => `statement: ${key} has ${counts.get(key)?.length ?? 0} lines`),
  ];
}

/** Every deposit at the brokerage is one line, and every row of a sync has its outcome. */
async function syncs(ask: Ask, { deposits }: Pick<Found, "deposits">): Promise<readonly string[]> {
  const lines = await ask(
    `select external_id as id, count(*)::int as n from accounts.lines
      where external_id like 'paid-in-%' group by external_id`,
  );
  const counts = new Map(lines.map(({ id, n }) => [String(id), Number(n)]));
  const odd = deposits.filter((id) => counts.get(id) !== 1);
  const unsettled = await ask(
    `select i.id, i.status, i.row_count, count(o.id)::int as kept, count(o.outcome)::int as settled
       from accounts.statement_imports i left join accounts.observations o on o.import_id = i.id
      where i.provider <> 'bank' group by i.id
     having i.status <> 'finished' or count(o.id) <> i.row_count or count(o.outcome) <> i.row_count
         or i.created + i.matched <> i.row_count limit 5`,
  );
  return [
    ...odd.slice(0, 5).map((id) => `sync: ${id} has ${counts.get(id) ?? 0} lines`),
    ...unsettled.map((row) => `sync: ${JSON.stringify(row)}`),
  ];
}

/** Downloads files from where the server is. */
export const reader =
  (target: () => Target) =>
  async (nodeId: string): Promise<string> => {
    const { url = "", headers = {} } = target() ?? {};
    const answer = await fetch(`${url}/api/v1/drive/nodes/${nodeId}/content`, { headers });
    return answer.text();
  };

/** What the row of a stock says is what its events say. */
async function stock(ask: Ask): Promise<readonly string[]> {
  const rows = await ask(
    `select s.sku, s.on_hand, s.reserved, e.on_hand as wanted_on_hand, e.reserved as wanted_reserved
       from catalog.stocks s
       join (select payload ->> 'sku' as sku,
               sum(case type when 'catalog.stock-received' then (payload ->> 'quantity')::bigint
                             when 'catalog.stock-adjusted' then (payload ->> 'by')::bigint
                             when 'catalog.reservation-committed'
                               then -(payload ->> 'quantity')::bigint else 0 end) as on_hand,
               sum(case type when 'catalog.stock-reserved' then (payload ->> 'quantity')::bigint
                             when 'catalog.reservation-committed'
                               then -(payload ->> 'quantity')::bigint
                             when 'catalog.reservation-released'
                               then -(payload ->> 'quantity')::bigint else 0 end) as reserved
               from catalog.events where stream like 'stock/%' group by 1) e using (sku)
      where s.on_hand <> e.on_hand or s.reserved <> e.reserved`,
  );
  return rows.map((row) => `stock: ${JSON.stringify(row)}`);
}

const cents = (text: string) => BigInt(text.replace(".", ""));

/** What each account should have: what it had at first, and what every acknowledged payment moved. */
function paid(ledger: Ledger, accounts: readonly string[]): ReadonlyMap<string, bigint> {
  const wanted = new Map(accounts.map((id) => [id, cents(firstBalance)]));
  const done = [...ledger.acknowledged.values()].filter(isDone);
  const postings = new Set(
    done.flatMap(({ kind, answer }) => (kind === "posting" ? [answer] : [])),
  );
  for (const told of done) {
    if (told.kind !== "transfer") continue;
    const { legs, holdS } = told.body as Payment;
    if (holdS !== undefined && !postings.has(told.answer)) continue;
    const [{ from, to, amount }] = legs;
    wanted.set(from, (wanted.get(from) ?? 0n) - cents(amount.amount));
    wanted.set(to, (wanted.get(to) ?? 0n) + cents(amount.amount));
  }
  return wanted;
}

/** Every posting is added up here, outside of Basalt, and compared with what was acknowledged. */
async function money(
  ask: Ask,
  ledger: Ledger,
  { accounts }: Pick<Found, "accounts">,
): Promise<readonly string[]> {
  const complaints: string[] = [];
  const [posted, held] = [new Map<string, bigint>(), new Map<string, bigint>()];
  const entries = new Map<string, bigint>();
  const add = (to: Map<string, bigint>, key: unknown, amount: unknown) =>
    to.set(String(key), (to.get(String(key)) ?? 0n) + BigInt(String(amount)));
  const rows = await ask(
    "select account_id, entry_id, amount::text, held::text, posted_after::text from accounts.movements order by account_id, sequence",
  );
  for (const row of rows) {
    const { account_id: account, amount } = row;
    if (add(posted, account, amount).get(String(account)) !== BigInt(String(row["posted_after"])))
      complaints.push(`money: ${String(account)} had something else after a posting`);
    add(held, account, row["held"]);
    if (row["entry_id"] !== null) add(entries, row["entry_id"], amount);
  }
  for (const [entry, sum] of entries)
    if (sum !== 0n) complaints.push(`money: ${entry} sums to ${sum}`);
  const all =
    "select id, posted::text, held::text, (-overdraft)::text as least from accounts.accounts";
  for (const row of await ask(all)) {
    const id = String(row["id"]);
    const [has, holds] = [posted.get(id) ?? 0n, held.get(id) ?? 0n];
    if (BigInt(String(row["posted"])) !== has || BigInt(String(row["held"])) !== holds)
      complaints.push(`money: ${id} is not the sum of its movements`);
    const least = row["least"];
    if (typeof least === "string" && has - holds < BigInt(least))
      complaints.push(`money: ${id} is overdrawn`);
  }
  for (const [id, wanted] of paid(ledger, accounts))
    if (posted.get(id) !== wanted)
      complaints.push(`money: ${id} has ${posted.get(id)}, ${wanted} was acknowledged`);
  return complaints.slice(0, 10);
}

/** No consumer has failed. */
async function parked(ask: Ask): Promise<readonly string[]> {
  const complaints: string[] = [];
  for (const schema of basalt.logs) {
    const rows = await ask(
      `select subscription, stream, error from ${schema}.parked_streams limit 5`,
    );
    complaints.push(...rows.map((row) => `parked: ${JSON.stringify(row)}`));
  }
  return complaints;
}

/** A welcome for each who registered; no more are sent twice than something was interrupted. */
async function emails(ask: Ask, { inbox, repeatable: most }: Found): Promise<readonly string[]> {
  const rows = await ask(
    `select payload ->> 'email' as email from identity.events
      where type = 'identity.user-registered' and payload ->> 'by' = 'self'`,
  );
  const welcomed = inbox.envelopes.flat();
  const once = new Set(welcomed);
  const missed = rows.filter(({ email }) => !once.has(String(email)));
  const repeated = welcomed.length - once.size;
  return [
    ...missed.map(({ email }) => `${String(email)} got no email`),
    ...(once.size === rows.length ? [] : [`${rows.length} registered, ${once.size} got emails`]),
    ...(repeated <= most ? [] : [`${repeated} emails were sent again, ${most} may be`]),
  ];
}

/** Read models are what a rebuild would make of them. */
async function models(connection: ClientConfig): Promise<readonly string[]> {
  await using database = new Database({
    connection,
    clock,
    maxConnections: 2,
    acquireTimeoutMs: 10_000,
    statementTimeoutMs: 60_000,
    idleInTransactionTimeoutMs: 60_000,
  });
  const complaints: string[] = [];
  for (const model of basalt.readModels)
    for (const { what, model: ours, tables } of await model.checksums(database))
      if (ours !== tables) complaints.push(`${model.name}: ${what} differ`);
  return complaints;
}
