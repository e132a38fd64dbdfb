import { systemTimers as timers } from "#platform/system.ts";
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Coherence } from "#platform/cache/coherence.ts";
import { postgresChanges } from "#platform/cache/postgres-changes.ts";
import { statement } from "#platform/postgres/database.ts";
import { createSecrets, masterKeys, newMasterKey } from "#platform/secrets/secrets.ts";
import { testClock } from "#test/clock.ts";
import { testDatabase } from "#test/database.ts";
import { newId } from "#test/values.ts";
import { SessionId } from "../domain/ids.ts";
import type { LiveSession } from "../domain/session.ts";
import { UserId } from "../domain/user-id.ts";
import { joseAccessTokens } from "./jose-access-tokens.ts";
import { addSigningKey, memoryKeyStore, postgresKeyStore, signingKeys } from "./signing-keys.ts";
import type { Algorithm, KeyStore } from "./signing-keys.ts";

const secretsOf = (...keys: readonly string[]) => createSecrets(masterKeys(keys.join(",")));
const master = newMasterKey();
const algorithm: Algorithm = "EdDSA";
const clock = testClock();

function keyStoreContract(name: string, open: (undo: AsyncDisposableStack) => Promise<KeyStore>) {
  describe(`signing keys in ${name}`, () => {
    const given = async (undo: AsyncDisposableStack) => {
      const store = await open(undo);
      return { store, secrets: secretsOf(master), clock, algorithm };
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
  const old = await addSigningKey({ store, secrets, clock, algorithm }, "unless there is one");
  using coherence = new Coherence({
    changes: postgresChanges(database, "identity"),
    alone: false,
    timers,
  });
  const keys = signingKeys({ store, secrets, coherence, clock });
  assert.equal((await keys.current()).id, old);
  const next = await addSigningKey({ store, secrets, clock, algorithm });
  assert.equal((await keys.current()).id, old, "the next one is published before it signs");
  assert.ok((await keys.jwks()).keys.some(({ kid }) => kid === next));
  clock.advance(120_000);
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
  await addSigningKey({ store, secrets, clock, algorithm });
  assert.equal(await keys.verifying(old), undefined);
});

test("another algorithm takes effect at the next start, and tokens of the old one stay valid", async () => {
  const store = memoryKeyStore();
  const making = { store, secrets: secretsOf(master), clock };
  using coherence = new Coherence({
    alone: true,
    timers,
    changes: async () => ({ latest: { epoch: 0 }, subjects: [] }),
  });
  const id = await addSigningKey({ ...making, algorithm }, "unless there is one");
  await addSigningKey({ ...making, algorithm: "ES256" }, "unless there is one");
  await addSigningKey({ ...making, algorithm: "ES256" }, "unless there is one");
  const keys = signingKeys({ ...making, coherence });
  assert.deepEqual([(await keys.current()).id, (await keys.jwks()).keys.length], [id, 2]);
  const tokens = joseAccessTokens({ keys, clock, issuer: "https://a.example", audience: "a" });
  const session = {
    id: newId(SessionId),
    userId: newId(UserId),
    startedAt: clock.now(),
  } as LiveSession;
  const first = await tokens.issue(session);
  clock.advance(120_000);
  const second = await tokens.issue(session);
  const algorithmOf = ({ token }: { readonly token: string }) =>
    (JSON.parse(Buffer.from(token.split(".")[0] ?? "", "base64url").toString()) as { alg: string })
      .alg;
  assert.deepEqual([first, second].map(algorithmOf), ["EdDSA", "ES256"]);
  for (const { token } of [first, second])
    assert.equal((await tokens.read(token))?.sessionId, session.id);
});

test("an error names the missing master key", async () => {
  const store = memoryKeyStore();
  await addSigningKey({ store, secrets: secretsOf(master), clock, algorithm });
  using coherence = new Coherence({
    alone: true,
    timers,
    changes: async () => ({ latest: { epoch: 0 }, subjects: [] }),
  });
  const keys = signingKeys({ store, secrets: secretsOf(newMasterKey()), coherence, clock });
  await assert.rejects(keys.current(), /sealed with master key [\da-f]{8}, .*BASALT_MASTER_KEY/);
});
