import { User, type EmailUnverified, type UserNotFound } from "../../domain/user.ts";
import {
  type Forbidden,
  isKnown,
  type MayAct,
  Permission,
  type UnknownPermission,
} from "#kernel/permission.ts";
import { Permissions } from "../permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, list, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { ApiKey, ApiKeyName, type ApiKeyNotFound } from "../../domain/api-key.ts";
import { ApiKeyId } from "../../domain/ids.ts";
import { UserId } from "../../domain/user-id.ts";
import {
  whileSignedIn,
  ownCredentials,
  type SignInTooOld,
} from "../credentials/own-credentials.ts";
import type { IdentityScope, Tokens } from "../ports.ts";
import { ApiKeyToken } from "../tokens.ts";

const maxScopes = 50;

/** Of one user, not revoked. */
const maxKeys = 100;

const dayMs = 86_400_000;

/** After how many days a key is void. */
type Days = Brand<number, "Days">;

const Days = branded<Days>("days", { schema: { type: "integer", minimum: 1, maximum: 366 } });

export const CreateApiKey = shape({
  userId: UserId,
  name: ApiKeyName,
  scopes: list(Permission, maxScopes),
  expiresInDays: Days,
});

export type CreateApiKey = Infer<typeof CreateApiKey>;

export const ListApiKeys = shape({ userId: UserId });

export type ListApiKeys = Infer<typeof ListApiKeys>;

export const RevokeApiKey = shape({ keyId: ApiKeyId });

export type RevokeApiKey = Infer<typeof RevokeApiKey>;

export type TooManyApiKeys = { readonly type: "too-many-api-keys"; readonly max: number };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly mayAct: MayAct;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly newId: NewId;
};

/** One key more for a user who may have it. Its work locks the user. */
export const addKey =
  (wanted: Pick<ApiKey, "id" | "userId" | "name" | "scopes">, days: number, clock: Clock) =>
  async ({
    apiKeys,
    users,
  }: IdentityScope): Promise<
    Result<ApiKey, TooManyApiKeys | UserNotFound | EmailUnverified | Forbidden>
  > => {
    const { userId } = wanted;
    const user = User.verified(await users.byId(userId));
    if (!user.ok) return user;
    if (user.value.status !== "active")
      return err({ type: "forbidden", permission: Permissions.createApiKey });
    if ((await apiKeys.ofUser(userId)).length >= maxKeys)
      return err({ type: "too-many-api-keys", max: maxKeys });
    const createdAt = clock.now();
    const expiresAt = Instant.plus(createdAt, days * dayMs);
    return ok(apiKeys.save(ApiKey.create({ ...wanted, createdAt, expiresAt })));
  };

/** Makes a key with which a machine acts as its owner. The token is shown only here. */
export function createApiKey(deps: Deps & { readonly permissions: readonly Permission[] }) {
  const { tokens, clock, newId, permissions } = deps;
  return async (
    { userId, name, scopes, expiresInDays }: CreateApiKey,
    context: Context,
  ): Promise<
    Result<
      { readonly key: ApiKey; readonly token: string },
      | UnknownPermission
      | TooManyApiKeys
      | UserNotFound
      | EmailUnverified
      | Forbidden
      | SignInTooOld
      | Conflict
    >
  > => {
    const allowed = ownCredentials(context, userId, clock);
    if (!allowed.ok) return allowed;
    const unknown = scopes.find((scope) => !isKnown(scope, permissions));
    if (unknown) return err({ type: "unknown-permission", permission: unknown });

    const wanted = { id: newId(ApiKeyId), userId, name, scopes };
    const add = addKey(wanted, expiresInDays, clock);
    const created = await whileSignedIn(deps)(context, add, { lock: [userId] });
    if (!created.ok) return created;
    const { value: key } = created;
    return ok({ key, token: tokens.issue(ApiKeyToken, { keyId: key.id }) });
  };
}

/** Keys that were not revoked, the newest first. */
export function listApiKeys({ read, mayAct }: Deps) {
  return async (
    { userId }: ListApiKeys,
    context: Context,
  ): Promise<Result<readonly ApiKey[], Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readApiKeys, { owner: userId });
    if (!allowed.ok) return allowed;
    return ok(await read(context, ({ apiKeys }) => apiKeys.ofUser(userId)));
  };
}

/** Revokes a key, which is refused from the next request on. A key may always revoke itself, whatever its scopes. */
export function revokeApiKey({ unitOfWork, mayAct, clock }: Deps) {
  return (
    { keyId }: RevokeApiKey,
    context: Context,
  ): Promise<Result<void, ApiKeyNotFound | Forbidden | Conflict>> =>
    unitOfWork(context, async ({ apiKeys }) => {
      const key = await apiKeys.byId(keyId);
      const owned = key && { owner: key.userId };
      const allowed = await mayAct(context, Permissions.revokeApiKey, owned);
      if (!allowed.ok && context.credential !== keyId) return allowed;
      if (!key || key.revokedAt !== undefined) return err({ type: "api-key-not-found" });
      apiKeys.save(ApiKey.revoke(key, clock.now()));
      return ok(undefined);
    });
}
