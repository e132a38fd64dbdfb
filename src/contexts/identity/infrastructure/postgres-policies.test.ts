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

test("after the first start, roles have what modules grant, and nothing that migrations gave them", async () => {
  await using opened = await testDatabase();

  await grantDefaults(opened.database, basalt.grants);

  const policies = await opened.sql("select role, permissions from identity.policies");
  assert.ok(policies.length >= 5);
  for (const { role, permissions } of policies)
    assert.deepEqual(permissions, basalt.grants[String(role)], String(role));
});
