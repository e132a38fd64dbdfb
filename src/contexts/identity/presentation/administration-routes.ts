import { text } from "#kernel/scalars.ts";
import { Permission } from "#kernel/permission.ts";
import { Instant } from "#kernel/instant.ts";
import { branded, list, optional, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, put, type Route } from "#platform/http/route.ts";
import { CreateApiKey, ListApiKeys, RevokeApiKey } from "../application/access/api-keys.ts";
import { ListAudit, AuditPageSize } from "../application/access/list-audit.ts";
import { ChangePolicy, ListPolicies, maxPermissions } from "../application/access/policies.ts";
import type { AuditRecord } from "../application/ports.ts";
import { ApiKeyName, type ApiKey } from "../domain/api-key.ts";
import { ApiKeyId } from "../domain/ids.ts";
import { Role, type Policy } from "../domain/role.ts";
import type { Identity } from "../index.ts";

const Text = text(2_000);
const position = branded<number>("position", { schema: { type: "integer", minimum: 1 } });
const maxKeys = 100;
const maxRoles = 1_000;
const maxTargets = 1_000;

const apiKey = {
  id: ApiKeyId,
  name: ApiKeyName,
  scopes: list(Permission, maxPermissions),
  createdAt: Instant,
  expiresAt: Instant,
  lastUsedAt: optional(Instant),
};
const ApiKeyView = shape(apiKey);
const ApiKeysView = shape({ items: list(ApiKeyView, maxKeys) });
const NewApiKeyView = shape({ ...apiKey, token: Text });

const toApiKey = (key: ApiKey): Infer<typeof ApiKeyView> => {
  const { id, name, scopes, createdAt, expiresAt, lastUsedAt } = key;
  return {
    ...{ id, name, scopes, createdAt, expiresAt },
    ...(lastUsedAt === undefined ? {} : { lastUsedAt }),
  };
};

const PolicyView = shape({ role: Role, permissions: list(Permission, maxPermissions) });
const PoliciesView = shape({ items: list(PolicyView, maxRoles) });
const toPolicy = ({ role, permissions }: Policy) => ({ role, permissions });

const AuditRecordView = shape({
  position,
  at: Instant,
  actor: Text,
  credential: optional(Text),
  operation: Text,
  outcome: Text,
  targets: list(Text, maxTargets),
  address: optional(Text),
  agent: optional(Text),
  correlationId: Text,
});
const AuditPageView = shape({
  items: list(AuditRecordView, AuditPageSize.most),
  nextCursor: optional(position),
});

const toRecord = ({ origin, ...record }: AuditRecord): Infer<typeof AuditRecordView> => ({
  ...record,
  ...origin,
});

/** Keys for machines. */
export const apiKeyRoutes = (identity: Identity): readonly Route[] => [
  post("/users/:userId/api-keys", {
    access: "signed-in",
    summary: "Create an API key",
    description:
      "Creates a key with which a machine acts as its owner, limited to `scopes`. The " +
      "`token` is returned only in this response.",
    input: CreateApiKey,
    handle: identity.createApiKey,
    success: 201,
    output: NewApiKeyView,
    present: ({ key, token }) => ({ ...toApiKey(key), token }),
    refusals: { "too-many-api-keys": 409, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
  get("/users/:userId/api-keys", {
    access: "signed-in",
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
    summary: "Revoke an API key",
    description: "The key is refused from the next request on.",
    input: RevokeApiKey,
    handle: identity.revokeApiKey,
    success: 204,
    refusals: { "api-key-not-found": 404, forbidden: 403, conflict: 409 },
  }),
];

/** What roles may do, and what everybody did. */
export const administrationRoutes = (identity: Identity): readonly Route[] => [
  get("/policies", {
    access: "signed-in",
    summary: "List the permissions of roles",
    description:
      "The permissions of each role. The role `owner` applies to every user and their own " +
      "resources.",
    input: ListPolicies,
    handle: identity.listPolicies,
    success: 200,
    output: PoliciesView,
    present: (policies) => ({ items: policies.map(toPolicy) }),
    refusals: { forbidden: 403 },
  }),
  put("/policies/:role", {
    access: "signed-in",
    summary: "Set the permissions of a role",
    description:
      "Replaces all permissions of a role; a new role is created. `*` stands for any " +
      "resource or action.",
    input: ChangePolicy,
    handle: identity.changePolicy,
    success: 200,
    output: PolicyView,
    present: toPolicy,
    refusals: { "role-is-fixed": 409, forbidden: 403, "sign-in-too-old": 403, conflict: 409 },
  }),
  get("/audit", {
    access: "signed-in",
    summary: "List audit entries",
    description: "Audit entries of all contexts, newest first, including denied attempts.",
    input: ListAudit,
    handle: identity.listAudit,
    success: 200,
    output: AuditPageView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toRecord) }),
    refusals: { forbidden: 403 },
  }),
];
