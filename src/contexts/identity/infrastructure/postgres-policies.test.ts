import assert from "node:assert/strict";
import { test } from "node:test";
import { testDatabase } from "#test/database.ts";
import { basalt } from "../../../composition.ts";
import { grantDefaults } from "./postgres-policies.ts";

test("roles get the permissions of all modules, unless an administrator has changed them", async () => {
  await using opened = await testDatabase();
  const permissionsOf = async (role: string) =>
    (await opened.sql(`select permissions from identity.policies where role = '${role}'`))[0]?.[
      "permissions"
    ];
  await opened.sql(`update identity.policies set permissions = '{products:read}', version = 1
    where role = 'merchant'`);
  await grantDefaults(opened.database, { ...basalt.grants, gardener: ["plants:water"] });
  assert.deepEqual(await permissionsOf("merchant"), ["products:read"]);
  assert.deepEqual(await permissionsOf("gardener"), ["plants:water"]);
  for (const role of ["member", "owner"])
    assert.deepEqual(await permissionsOf(role), basalt.grants[role]);

  await grantDefaults(opened.database, { gardener: ["plants:water", "plants:cut"] });
  assert.deepEqual(await permissionsOf("gardener"), ["plants:cut", "plants:water"]);
});

test("no role loses at the first start what migrations gave it", async () => {
  await using opened = await testDatabase();
  const migrated = await opened.sql("select role, permissions from identity.policies");
  assert.ok(migrated.length >= 5);
  for (const { role, permissions } of migrated) {
    const granted = basalt.grants[String(role)] ?? [];
    const lost = (permissions as readonly string[]).filter((one) => !granted.includes(one));
    assert.deepEqual(lost, [], String(role));
  }
});
