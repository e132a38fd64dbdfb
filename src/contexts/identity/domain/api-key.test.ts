import assert from "node:assert/strict";
import { test } from "node:test";
import { saved } from "#kernel/change.ts";
import { expect } from "#kernel/result.ts";
import { afterMs as at, newId, start } from "#test/values.ts";
import { ApiKey, ApiKeyName } from "./api-key.ts";
import { ApiKeyId } from "./ids.ts";
import { UserId } from "./user-id.ts";
import * as events from "./events.ts";

test("an API key lives until it expires or is revoked, which is told once", () => {
  const [keyId, userId] = [newId(ApiKeyId), newId(UserId)];
  const named = expect(ApiKeyName.parse("Build"));
  const wanted = { id: keyId, userId, name: named, scopes: [], createdAt: start, expiresAt: at(9) };
  const created = ApiKey.create(wanted);
  assert.deepEqual(created.events, [events.ApiKeyCreated({ keyId, userId, name: named })]);
  const apiKey = saved(created);
  assert.equal(ApiKey.isLive(apiKey, at(8)), true);
  assert.equal(ApiKey.isLive(apiKey, at(9)), false);
  assert.equal(ApiKey.isLive(undefined, start), false);
  const revoked = ApiKey.revoke(apiKey, at(1));
  assert.deepEqual(revoked.events, [events.ApiKeyRevoked({ keyId, userId })]);
  assert.equal(ApiKey.isLive(revoked.state, at(2)), false);
  assert.deepEqual(ApiKey.revoke(revoked.state, at(2)).events, []);
});
