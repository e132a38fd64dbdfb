import assert from "node:assert/strict";
import { test } from "node:test";
import { declaredStatements } from "#platform/postgres/database.ts";
import { serve } from "#test/basalt.ts";
import { basalt } from "../../src/composition.ts";
import { connect, testDatabase, type TestDatabase } from "#test/database.ts";

/** Tables that stay small in every installation. Reading such a table costs no more than using an index. */
const small: ReadonlySet<string> = new Set([
  "basalt.leases",
  "catalog.categories",
  "identity.change_epoch",
  "identity.policies",
  "identity.signing_keys",
  ...basalt.logs.flatMap((log) => [`${log}.subscriptions`, `${log}.parked_streams`]),
]);

/**
 * `ledger verify` adds up everything, and `drive verify` and the collection of chunks count all; `events skip` finds an event by its id, and `doctor` the master keys, by hand: an index for it would cost every
 * write. The totals of a trial balance are those of all accounts.
 */
const mayReadAll: ReadonlySet<string> = new Set([
  ...basalt.logs.map((log) => `${log}.admin-skip-lock`),
  "accounts.trial-totals",
  "accounts.verify-entries",
  "accounts.verify-unlinked",
  "accounts.verify-whole",
  "accounts.master-keys-needed",
  "drive.chunk-count",
  "identity.master-keys-needed",
]);

type Plan = {
  readonly "Node Type": string;
  readonly "Relation Name"?: string;
  readonly Schema?: string;
  readonly "Index Cond"?: string;
  readonly Filter?: string;
  readonly "Parent Relationship"?: string;
  readonly Plans?: readonly Plan[];
};

/** What stands here is done for each row of something else. */
const repetitions: ReadonlySet<string> = new Set(["Inner", "SubPlan"]);

/** Below these, a limit bounds nothing: they read all before they give the first row. */
const readsAll: ReadonlySet<string> = new Set([
  "Sort",
  "Incremental Sort",
  "Aggregate",
  "Hash",
  "WindowAgg",
]);

/** The tables that a plan reads as a whole. Under a limit that is met for each row of another table, a walk with a filter may. */
function readWhole(plan: Plan, isLimited = false, isRepeated = false): readonly string[] {
  const type = plan["Node Type"];
  const repeated = isRepeated || repetitions.has(plan["Parent Relationship"] ?? "");
  const limited = type === "Limit" || (isLimited && !readsAll.has(type));
  const isWhole =
    type === "Seq Scan" ||
    (type.startsWith("Index") &&
      plan["Index Cond"] === undefined &&
      (!limited || (repeated && plan.Filter !== undefined)));
  const table = `${plan.Schema}.${plan["Relation Name"]}`;
  return [
    ...(isWhole && !small.has(table) ? [table] : []),
    ...(plan.Plans ?? []).flatMap((part) => readWhole(part, limited, repeated)),
  ];
}

const userTables = `select oid from pg_class
  where relkind = 'r' and relnamespace not in ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)`;
const neverAnalyzed = `update pg_class set relpages = 0, reltuples = -1 where oid in (${userTables});
  delete from pg_statistic where starelid in (${userTables})`;

/** What each statement reads as a whole where any index would do instead. */
async function findings(
  opened: TestDatabase,
  statements: Iterable<readonly [name: string, text: string]>,
): Promise<readonly string[]> {
  await using client = await connect(opened);
  await client.query(
    "set enable_seqscan = off; set enable_mergejoin = off; set enable_hashjoin = off",
  );
  // As if none had been analyzed yet: plans of almost empty tables differ with what autovacuum happens to know of them.
  await client.query(`begin; ${neverAnalyzed}`);
  const found: string[] = [];
  for (const [name, text] of statements) {
    const { rows } = await client.query<{ "QUERY PLAN": readonly [{ readonly Plan: Plan }] }>(
      `explain (generic_plan, verbose, format json) ${text}`,
    );
    const tables = rows.flatMap(({ "QUERY PLAN": [{ Plan }] }) => readWhole(Plan));
    found.push(...tables.map((table) => `${name} reads all of ${table}`));
  }
  return found;
}

test("no statement reads a whole table that grows", async () => {
  await using served = await serve();
  const statements = [...declaredStatements].filter(([name]) => !mayReadAll.has(name));
  assert.ok(statements.length > 150);
  assert.deepEqual(await findings(served.opened, statements), []);
});

test("a statement that reads a whole table is found", async () => {
  await using opened = await testDatabase();
  assert.deepEqual(
    await findings(opened, [
      ["none", "select 1 from catalog.products where id = $1"],
      ["page", "select 1 from catalog.products where id > $1 order by id limit 10"],
      ["first", "select 1 from catalog.products order by id limit 10"],
      ["filter", "select 1 from catalog.products where name = $1"],
      ["sort", "select 1 from catalog.products order by name limit 10"],
      ["deletion", "delete from identity.sessions where agent = $1"],
      [
        "each",
        `select 1 from identity.users u cross join lateral (
           select 1 from catalog.products p where p.name = u.name order by p.id desc limit 1) last
          where u.id = $1`,
      ],
    ]),
    [
      "filter reads all of catalog.products",
      "sort reads all of catalog.products",
      "deletion reads all of identity.sessions",
      "each reads all of catalog.products",
    ],
  );
});
