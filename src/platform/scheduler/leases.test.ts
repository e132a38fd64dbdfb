import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#test/database.ts";
import { systemTimers } from "../system.ts";
import { leasesContract } from "./leases.contract.ts";
import { memoryLeases } from "./memory-leases.ts";
import { forgetLeases, leaseHealth, postgresLeases } from "./postgres-leases.ts";

leasesContract("memory", async () => ({
  leases: memoryLeases(systemTimers),
  async [Symbol.asyncDispose]() {},
}));

leasesContract("Postgres", async () => {
  const opened = await testDatabase();
  return {
    leases: postgresLeases(opened.database),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
});

test("a lease from before the database's clock stepped back is over", async () => {
  await using opened = await testDatabase();
  const leases = postgresLeases(opened.database);
  await leases.take(["a"], "one", 60_000);
  await opened.sql("update basalt.leases set until = until + interval '1 hour'");

  assert.deepEqual(await leases.take(["a"], "two", 60_000), new Set(["a"]));
});

test("leases that ended long ago are forgotten, those that are held are not", async () => {
  await using opened = await testDatabase();
  const leases = postgresLeases(opened.database);
  await leases.take(["gone"], "killed", 60_000);
  await opened.sql("update basalt.leases set until = clock_timestamp() - interval '2 hours'");
  await leases.take(["held"], "alive", 60_000);
  const [gone, held] = await leaseHealth(opened.database);
  assert.ok((gone?.ended_s ?? 0) > 7_000 && (held?.ended_s ?? 0) < 0);

  assert.equal(await forgetLeases(opened.database)(10), 1);

  assert.deepEqual(
    (await leaseHealth(opened.database)).map(({ name }) => name),
    ["held"],
  );
});
