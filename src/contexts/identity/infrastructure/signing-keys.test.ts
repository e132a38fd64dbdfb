import { systemTimers as timers } from "#platform/system.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Coherence } from "#platform/cache/coherence.ts";
import { postgresChanges } from "#platform/cache/postgres-changes.ts";
import { statement } from "#platform/postgres/database.ts";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { testDatabase } from "#test/database.ts";
import { addSigningKey, memoryKeyStore, postgresKeyStore, signingKeys } from "./signing-keys.ts";
import type { KeyStore } from "./signing-keys.ts";

const secretsOf = (...keys: readonly string[]) => createSecrets(masterKeys(keys.join(",")));
const master = newMasterKey();

function keyStoreContract(name: string, open: (undo: AsyncDisposableStack) => Promise<KeyStore>) {
  describe(`signing keys in ${name}`, () => {
    const given = async (undo: AsyncDisposableStack) => {
      const store = await open(undo);
      return { store, secrets: secretsOf(master) };
    };

    test("one of many concurrent first starts makes the key", async () => {
      await using undo = new AsyncDisposableStack();
      const keys = await given(undo);
      await Promise.all(
        Array.from({ length: 8 }, () => addSigningKey(keys, "unless there is one")),
      );
      assert.equal((await keys.store.all()).length, 1);
    });

    test("a revocation leaves the new key alone", async () => {
      await using undo = new AsyncDisposableStack();
      const keys = await given(undo);
      await addSigningKey(keys);
      await addSigningKey(keys);
      const id = await addSigningKey(keys, "revoking all others");
      assert.deepEqual(
        (await keys.store.all()).map((key) => key.id),
        [id],
      );
    });

    test("a rotation puts the new key first and keeps the old one; nothing private is in the open", async () => {
      await using undo = new AsyncDisposableStack();
      const keys = await given(undo);
      const old = await addSigningKey(keys, "unless there is one");
      const next = await addSigningKey(keys);
      const stored = await keys.store.all();
      assert.deepEqual(
        stored.map(({ id }) => id),
        [next, old],
      );
      for (const { publicJwk, privateJwk } of stored) {
        assert.equal(publicJwk.d, undefined);
        assert.doesNotMatch(privateJwk, /"d"/);
      }
      assert.throws(() =>
        secretsOf(newMasterKey()).open(stored[0]?.privateJwk ?? "", "signing-key", next),
      );
    });
  });
}

keyStoreContract("memory", async () => memoryKeyStore());
keyStoreContract("Postgres", async (undo) =>
  postgresKeyStore(undo.use(await testDatabase()).database),
);

test("a rotation is seen by other processes at their next use", async () => {
  await using opened = await testDatabase();
  const { database } = opened;
  const store = postgresKeyStore(database);
  const secrets = secretsOf(master);
  const old = await addSigningKey({ store, secrets }, "unless there is one");
  using coherence = new Coherence({
    changes: postgresChanges(database, "identity"),
    alone: false,
    timers,
  });
  const keys = signingKeys({ store, secrets, coherence });
  assert.equal((await keys.current()).id, old);
  const next = await addSigningKey({ store, secrets });
  assert.equal((await keys.current()).id, next);
  assert.ok(await keys.verifying(old));
  assert.equal((await keys.jwks()).keys.length, 2);
  await database.query(
    statement(
      "test.age",
      "update identity.signing_keys set replaced_at = now() - interval '2 days' where replaced_at is not null",
    ),
    [],
  );
  await addSigningKey({ store, secrets });
  assert.equal(await keys.verifying(old), undefined);
});

test("an error names the missing master key", async () => {
  const store = memoryKeyStore();
  await addSigningKey({ store, secrets: secretsOf(master) });
  using coherence = new Coherence({
    alone: true,
    timers,
    changes: async () => ({ latest: { epoch: 0 }, subjects: [] }),
  });
  const keys = signingKeys({ store, secrets: secretsOf(newMasterKey()), coherence });
  await assert.rejects(keys.current(), /sealed with master key [\da-f]{8}, .*BASALT_MASTER_KEY/);
});
