import assert from "node:assert/strict";
import { test } from "node:test";
import {
  createSecrets,
  masterKeyIds,
  masterKeys,
  newMasterKey,
} from "#platform/secrets/secrets.ts";
import { testClock } from "#test/clock.ts";
import { testDatabase } from "#test/database.ts";
import { neededMasterKeys, resealSecrets } from "./sealed-secrets.ts";
import { addSigningKey, postgresKeyStore } from "./signing-keys.ts";

test("all that was sealed under an older master key is sealed under the newest one", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  const [old, next] = [newMasterKey(), newMasterKey()];
  const [before, after] = [old, `${next},${old}`].map((text) => createSecrets(masterKeys(text)));
  assert.ok(before && after);
  const store = postgresKeyStore(database);
  await addSigningKey({ store, secrets: before, clock: testClock(), algorithm: "EdDSA" });
  const users = Array.from({ length: 3 }, (_, i) => `user_${i}`);
  for (const user of users)
    await opened.sql(
      `insert into identity.credentials (user_id, totp, recovery_codes, passkeys, is_initial, version)
       values ('${user}', '${JSON.stringify({ secret: before.seal(user, "credentials", user) })}', '{}', '[]', false, 1)`,
    );
  await opened.sql(
    "insert into identity.credentials (user_id, recovery_codes, passkeys, is_initial, version) values ('user_without', '{}', '[]', false, 1)",
  );
  assert.deepEqual(await neededMasterKeys(database), masterKeyIds(old));

  await resealSecrets(database, after);

  assert.deepEqual(await neededMasterKeys(database), masterKeyIds(next));
  const alone = createSecrets(masterKeys(next));
  const rows = await opened.sql(
    "select user_id, totp ->> 'secret' as secret from identity.credentials where totp is not null",
  );
  assert.deepEqual(
    rows.map((row) => alone.open(String(row["secret"]), "credentials", String(row["user_id"]))),
    users,
  );
});
