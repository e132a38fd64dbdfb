import type { Permission } from "#kernel/permission.ts";
import { type Versioned, Version } from "#kernel/version.ts";
import { unchanged, type Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { line } from "#kernel/line.ts";
import type { Brand } from "#kernel/shape.ts";
import { ApiKeyCreated, ApiKeyRevoked, type IdentityEvent } from "./events.ts";
import type { ApiKeyId } from "./ids.ts";
import type { UserId } from "./user-id.ts";

export type ApiKeyName = Brand<string, "ApiKeyName">;
/** Characters. */
export const maxApiKeyName = 64;
export const ApiKeyName = line<ApiKeyName>("API key name", { min: 1, max: maxApiKeyName });

/** Lets a machine act as its owner, within its scopes, until it expires or is revoked. */
export type ApiKey = Versioned & {
  readonly id: ApiKeyId;
  readonly userId: UserId;
  readonly name: ApiKeyName;
  readonly scopes: readonly Permission[];
  readonly createdAt: Instant;
  readonly expiresAt: Instant;
  readonly lastUsedAt?: Instant;
  readonly revokedAt?: Instant;
};

type Changed = Change<ApiKey, IdentityEvent>;

export type ApiKeyNotFound = { readonly type: "api-key-not-found" };

export const ApiKey = {
  create(key: Omit<ApiKey, "version" | "lastUsedAt" | "revokedAt">): Changed {
    const { id: keyId, userId, name } = key;
    return {
      state: { ...key, version: Version.none },
      events: [ApiKeyCreated({ keyId, userId, name })],
    };
  },

  isLive: (key: ApiKey | undefined, at: Instant): key is ApiKey =>
    key !== undefined && key.revokedAt === undefined && at < key.expiresAt,

  revoke(key: ApiKey, at: Instant): Changed {
    if (key.revokedAt !== undefined) return unchanged(key);
    const { id: keyId, userId } = key;
    return {
      state: { ...key, revokedAt: at },
      events: [ApiKeyRevoked({ keyId, userId })],
    };
  },
};
