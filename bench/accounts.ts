import path from "node:path";
import type { ClientConfig } from "pg";
import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import { migrate } from "#platform/postgres/migrations.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import {
  GetBalance,
  getBalance,
} from "../src/contexts/accounts/application/accounts/read-accounts.ts";
import {
  GetStatement,
  getStatement,
  GetTrialBalance,
  getTrialBalance,
} from "../src/contexts/accounts/application/ledger/read-ledger.ts";
import {
  makeTransfer,
  MakeTransfer,
} from "../src/contexts/accounts/application/transfers/make-transfer.ts";
import { AccountId } from "../src/contexts/accounts/domain/ids.ts";
import { postgresLedger } from "../src/contexts/accounts/infrastructure/postgres-ledger.ts";
import { benchDatabase } from "./database.ts";
import { median, percentile, root, seconds, spread, type Figure } from "./measure.ts";
import { pgbench } from "./pgbench.ts";

const rounds = 3;
const spreadOver = 1_000;
const [fewPostings, manyPostings] = [10_000, 1_000_000];
const manyAccounts = 100_000;
const asked = 200;

const context = (): Context => ({
  actor: "bench",
  correlationId: "bench",
  deadlineMs: clock.unixMs() + 60_000,
});

type Bench = {
  readonly database: Database;
  readonly connection: ClientConfig;
  readonly folder: string;
};

const run = (database: Database, name: string, text: string) =>
  database.query(statement(`bench.${name}`, text), []);

const depsOf = (database: Database) => ({
  ...postgresUnitOfWork({
    database,
    schema: "accounts",
    scope: postgresLedger,
    clock,
    newId,
    onAppended: () => {},
  }),
  mayAct: async () => ok(undefined),
  clock,
  newId,
});

/** Accounts with money, whose ids are `account_` and a number in 26 digits. */
const idOf = (n: number) => expect(AccountId.parse(`account_${String(n).padStart(26, "0")}`));
const open = (database: Database, name: string, from: number, until: number) =>
  run(
    database,
    name,
    `insert into accounts.accounts (id, name, type, currency, status, opened_at, version, posted)
     select 'account_' || lpad(n::text, 26, '0'), 'Bench', 'equity', 'EUR', 'active', now(), 1, 0
       from generate_series(${from}, ${until}) n`,
  );

/** How often some at a time do it in a second. */
async function rateOf(inFlight: number, work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  let done = 0;
  const worker = async () => {
    for (; performance.now() < until; done += 1) await work();
  };
  await Promise.all(Array.from({ length: inFlight }, worker));
  return done / ((performance.now() - startedAt) / 1_000);
}

const any = (most: number) => 1 + Math.floor(Math.random() * most);

/** The tables of a program that does the same by hand, with the same indexes on what it writes. */
const byHand = `
  create table bench.accounts (id bigint primary key, posted bigint not null) with (fillfactor = 50);
  insert into bench.accounts select n, 1000000000000 from generate_series(1, ${spreadOver}) n;
  create table bench.entries (id text primary key, date date not null, memo text);
  create table bench.postings (entry_id text, line smallint, account_id bigint, amount bigint,
    at timestamptz not null default now(), primary key (entry_id, line));
  create index on bench.postings (account_id, at);`;

const numbers = `\\set a random(1, ${spreadOver / 2})
\\set b random(${spreadOver / 2 + 1}, ${spreadOver})
\\set n random(1, 9000000000000000)
`;
/** Two guarded updates, an entry, two postings and an event, in one statement. */
const transferByHand = `
with f as (update bench.accounts set posted = posted - 1 where id = :a and posted >= 1),
 t as (update bench.accounts set posted = posted + 1 where id = :b),
 e as (insert into bench.entries values ('entry_' || :n, current_date, null)),
 p as (insert into bench.postings (entry_id, line, account_id, amount)
   values ('entry_' || :n, 1, :a, -1), ('entry_' || :n, 2, :b, 1))
insert into bench.events (id, stream, version, type, schema_version, payload, metadata, occurred_at)
values ('evt_' || :n, 'transfer_' || :n, 1, 'bench.moved', 1, '{"amount":"1"}', '{"actor":"bench"}', now());
`;
const hotByHand =
  "update bench.accounts set posted = posted + 1 where id = 1 and posted >= -1000;\n";

async function transferFigures({ database, connection, folder }: Bench): Promise<Figure[]> {
  await open(database, "open", 1, spreadOver);
  for (const [i, text] of byHand.split(";").entries())
    if (text.trim() !== "") await run(database, `by-hand-${i}`, text);
  const transfer = makeTransfer(depsOf(database));
  const pay = (from: number, to: number) => async () => {
    const amount = { amount: "0.01", currency: "EUR" };
    const input = { legs: [{ from: idOf(from), to: idOf(to), amount }] };
    const made = await transfer(expect(MakeTransfer.parse(input)), context());
    if (!made.ok && made.error.type !== "conflict") throw new Error(made.error.type);
  };
  const half = spreadOver / 2;
  const measured = async (
    what: string,
    inFlight: number,
    bar: number,
    sql: string,
    ours: () => Promise<unknown>,
  ) => {
    const limit = pgbench({ folder, connection, clients: inFlight, seconds, sql });
    if (!limit) return { what, measured: "no pgbench here", bar: `≥ ${bar} ×`, kept: false };
    await rateOf(inFlight, ours);
    const rates: [number[], number[]] = [[], []];
    for (let round = 0; round < rounds; round += 1) {
      rates[0].push(await rateOf(inFlight, ours));
      rates[1].push(limit());
    }
    const ratios = rates[0].map((rate, i) => rate / (rates[1][i] ?? NaN));
    return {
      what: `${what}, ${inFlight} in flight, against pgbench`,
      measured: `${spread(ratios)} × (${median(rates[0]).toFixed(0)} against ${median(rates[1]).toFixed(0)} /s)`,
      bar: `≥ ${bar} ×`,
      kept: median(ratios) >= bar,
      ratio: median(ratios),
    };
  };
  const spreadPay = () => pay(any(half), half + any(half))();
  const hotPay = () => pay(1 + any(spreadOver - 1), 1)();
  const script = `${numbers}${transferByHand.replaceAll("\n", " ")}\n`;
  return [
    await measured("transfers over 1 000 accounts", 8, 0.8, script, spreadPay),
    await measured("transfers over 1 000 accounts", 32, 0.8, script, spreadPay),
    await measured("transfers into one hot account", 32, 0.5, hotByHand, hotPay),
  ];
}

/** Rows that one statement makes, within its time limit. */
const batch = 50_000;

/** An account with so many postings, one each second until now. */
async function history(database: Database, account: number, postings: number): Promise<void> {
  await open(database, `open-${account}`, account, account);
  for (let from = 1; from <= postings; from += batch) {
    const numbers = `generate_series(${from}, ${Math.min(postings, from + batch - 1)}) n`;
    await run(
      database,
      `history-${account}-${from}`,
      `insert into accounts.movements (account_id, sequence, recorded_at, date, entry_id, line, currency,
         amount, held, posted_after, held_after)
       select '${idOf(account)}', n, now() - make_interval(secs => ${postings} - n), current_date,
              'entry_${account}_' || n, 1, 'EUR', 1, 0, n, 0 from ${numbers}`,
    );
    await run(
      database,
      `entries-${account}-${from}`,
      `insert into accounts.entries (id, date, tags)
       select 'entry_${account}_' || n, current_date, '{}' from ${numbers}`,
    );
  }
}

const latencies = async (work: () => Promise<unknown>, times = asked) => {
  const all: number[] = [];
  for (let i = 0; i < times; i += 1) {
    const from = performance.now();
    await work();
    all.push(performance.now() - from);
  }
  return all;
};
const ms = (value: number) => `${value.toFixed(1)} ms`;

async function historyFigures(bench: Bench): Promise<Figure[]> {
  const { database } = bench;
  const deps = depsOf(database);
  const [few, many] = [10_001, 10_002];
  await history(database, few, fewPostings);
  await history(database, many, manyPostings);
  await run(database, "analyse", "analyze accounts.movements");
  const past = (account: number, postings: number) =>
    latencies(() => {
      const at = Instant.fromUnixMs(clock.unixMs() - any(postings) * 1_000);
      const input = expect(GetBalance.parse({ accountId: idOf(account), at }));
      return getBalance(deps)(input, context());
    });
  const statementOf = (more: object) => () =>
    getStatement(deps)(
      expect(GetStatement.parse({ accountId: idOf(many), limit: 50, ...more })),
      context(),
    );
  const page = () => statementOf({ cursor: any(manyPostings) })();
  const halfMinute = () => {
    const from = clock.unixMs() - any(manyPostings) * 1_000;
    const until = Instant.fromUnixMs(from + 30_000);
    return statementOf({ from: Instant.fromUnixMs(from), until })();
  };
  const [p99Few, p99Many, p99Page, p99Period] = [
    percentile(await past(few, fewPostings), 0.99),
    percentile(await past(many, manyPostings), 0.99),
    percentile(await latencies(page), 0.99),
    percentile(await latencies(halfMinute), 0.99),
  ];
  return [
    {
      what: "balance at a past instant, 10⁶ postings (10⁴)",
      measured: `p99 ${ms(p99Many)} (${ms(p99Few)})`,
      bar: "p99 < 10 ms, flat",
      kept: p99Many < 10,
    },
    {
      what: "page of a statement of 10⁶ postings",
      measured: `p99 ${ms(p99Page)}; of half a minute ${ms(p99Period)}`,
      bar: "p99 < 10 ms",
      kept: Math.max(p99Page, p99Period) < 10,
    },
  ];
}

async function trialFigures(bench: Bench): Promise<Figure[]> {
  const { database } = bench;
  const [first, last] = [1_000_000, 1_000_000 + manyAccounts - 1];
  await open(database, "open-many", first, last);
  await run(
    database,
    "many",
    `insert into accounts.movements (account_id, sequence, recorded_at, date, entry_id, line, currency,
       amount, held, posted_after, held_after)
     select 'account_' || lpad(n::text, 26, '0'), 1, now(), current_date, 'entry_many_' || n, 1, 'EUR', 1, 0, 1, 0
       from generate_series(${first}, ${last}) n`,
  );
  const input = expect(GetTrialBalance.parse({ limit: 1_000 }));
  const deps = depsOf(database);
  const trial = median(await latencies(() => getTrialBalance(deps)(input, context()), 5));
  return [
    {
      what: "trial balance over 10⁵ accounts",
      measured: ms(trial),
      bar: "< 1 s",
      kept: trial < 1_000,
    },
  ];
}

/** Transfers beside the same statement of pgbench, and reads of a long history. */
export async function accountsFigures(): Promise<readonly Figure[]> {
  await using bench = await benchDatabase();
  const { connection } = bench;
  await migrate(connection, [
    {
      schema: "accounts",
      source: "platform",
      folder: path.join(root, "src/platform/events/migrations"),
    },
    {
      schema: "accounts",
      source: "accounts",
      folder: path.join(root, "src/contexts/accounts/infrastructure/migrations"),
    },
  ]);
  const transfers = await transferFigures(bench);
  // Rows of the histories below have one posting each: the trigger would refuse every one.
  const { database } = bench;
  await run(database, "unbalanced", "alter table accounts.movements disable trigger balanced");
  return [...transfers, ...(await historyFigures(bench)), ...(await trialFigures(bench))];
}
