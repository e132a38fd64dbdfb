import { text } from "#kernel/scalars.ts";
import { Permission } from "#kernel/permission.ts";
import { Instant } from "#kernel/instant.ts";
import { list, optional, named, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import { CreateApiKey, ListApiKeys, RevokeApiKey } from "../application/access/api-keys.ts";
import { maxPermissions } from "../application/access/policies.ts";
import { ApproveDeviceRequest } from "../application/access/devices.ts";
import { ApiKeyName, type ApiKey } from "../domain/api-key.ts";
import { ApiKeyId } from "../domain/ids.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const maxKeys = 100;

const apiKey = {
  id: ApiKeyId,
  name: ApiKeyName,
  scopes: list(Permission, maxPermissions),
  createdAt: Instant,
  expiresAt: Instant,
  lastUsedAt: optional(Instant),
};
export const ApiKeyView = named("ApiKey", shape(apiKey));
const ApiKeysView = named("ApiKeys", shape({ items: list(ApiKeyView, maxKeys) }));
const NewApiKeyView = named("NewApiKey", shape({ ...apiKey, token: Text }));

export const toApiKey = (key: ApiKey): Infer<typeof ApiKeyView> => {
  const { id, name, scopes, createdAt, expiresAt, lastUsedAt } = key;
  return {
    id,
    name,
    scopes,
    createdAt,
    expiresAt,
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
};

/** Of a key more. */
const additionRefusals = {
  "too-many-api-keys": 409,
  "user-not-found": 404,
  "email-unverified": 403,
  forbidden: 403,
  "sign-in-too-old": 403,
  conflict: 409,
} as const;

export const apiKeyRoutes = (identity: Identity): readonly Route[] => [
  post("/users/:userId/api-keys", {
    access: "signed-in",
    id: "createApiKey",
    summary: "Create an API key",
    description:
      "Creates a key with which a machine acts as its owner, limited to `scopes`. The " +
      "`token` is returned only in this response.",
    input: CreateApiKey,
    handle: identity.createApiKey,
    success: 201,
    output: NewApiKeyView,
    present: ({ key, token }) => ({ ...toApiKey(key), token }),
    refusals: { "unknown-permission": 422, ...additionRefusals },
  }),
  post("/users/:userId/devices", {
    access: "signed-in",
    id: "approveDeviceRequest",
    summary: "Let a device act for you",
    description:
      "Makes the API key that a device has asked for, which collects it by itself. `token` is what comes behind `/connect/` in " +
      "the address of the page that the device has opened. The page asks this; it takes a sign-in of the last 15 minutes, and no API key. " +
      "`reason` of a refused request is `approved`, `expired` (after 20 minutes) or `unknown`.",
    input: ApproveDeviceRequest,
    handle: identity.approveDeviceRequest,
    success: 201,
    output: ApiKeyView,
    present: toApiKey,
    refusals: { "device-request-void": 410, ...additionRefusals },
  }),
  get("/users/:userId/api-keys", {
    access: "signed-in",
    id: "listApiKeysOfUser",
    summary: "List API keys of a user",
    input: ListApiKeys,
    handle: identity.listApiKeys,
    success: 200,
    output: ApiKeysView,
    present: (keys) => ({ items: keys.map(toApiKey) }),
    refusals: { forbidden: 403 },
  }),
  del("/api-keys/:keyId", {
    access: "signed-in",
    id: "revokeApiKey",
    summary: "Revoke an API key",
    description: "The key is refused from the next request on.",
    input: RevokeApiKey,
    handle: identity.revokeApiKey,
    success: 204,
    refusals: { "api-key-not-found": 404, forbidden: 403, conflict: 409 },
  }),
];
