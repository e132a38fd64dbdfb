import type { EmailUnverified, UserNotFound } from "../../domain/user.ts";
import type { Forbidden, Permission } from "#kernel/permission.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { err, expect, ok, type Ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { ApiKey, ApiKeyName, maxApiKeyName } from "../../domain/api-key.ts";
import type { Email } from "../../domain/email.ts";
import { ApiKeyId } from "../../domain/ids.ts";
import { UserId } from "../../domain/user-id.ts";
import {
  whileSignedIn,
  ownCredentials,
  type SignInTooOld,
} from "../credentials/own-credentials.ts";
import type { IdentityScope, Tokens } from "../ports.ts";
import { ApiKeyToken, DeviceCollectionToken, DeviceRequestToken, Token } from "../tokens.ts";
import { addKey, type TooManyApiKeys } from "./api-keys.ts";

/** How long a user may take to sign in and approve. */
const approvableForMs = 20 * 60_000;
/** How long a device may ask for its key: a little longer, so that the last approval is of use. */
const collectableForMs = 25 * 60_000;
/** How long the key of a device is valid. */
const keyDays = 366;

/** What a device asks for. `allows` says it to people, after "It will be able to". */
export type DeviceRequest = {
  readonly scopes: readonly Permission[];
  readonly allows: string;
};

export const DescribeDeviceRequest = shape({ token: Token });
export type DescribeDeviceRequest = Infer<typeof DescribeDeviceRequest>;

export const ApproveDeviceRequest = shape({ userId: UserId, token: Token });
export type ApproveDeviceRequest = Infer<typeof ApproveDeviceRequest>;

export const CollectDeviceKey = shape({ token: Token });
export type CollectDeviceKey = Infer<typeof CollectDeviceKey>;

/** The request cannot be approved any more, or is none. */
export type DeviceRequestVoid = {
  readonly type: "device-request-void";
  readonly reason: "approved" | "expired" | "unknown";
};
const voidSince = (reason: DeviceRequestVoid["reason"]) =>
  err({ type: "device-request-void", reason } as const);
/** Nobody has approved the request yet. */
export type DeviceRequestPending = { readonly type: "device-request-pending" };

type Deps = {
  readonly unitOfWork: UnitOfWork<IdentityScope>;
  readonly read: Read<IdentityScope>;
  readonly tokens: Tokens;
  readonly clock: Clock;
  readonly newId: NewId;
};

const isRecent = (askedAt: Instant, withinMs: number, clock: Clock): boolean =>
  clock.now() < Instant.plus(askedAt, withinMs);

/** Devices name themselves by their agent. */
function nameOf({ origin }: Context): ApiKeyName {
  const named = ApiKeyName.parse((origin?.agent ?? "").slice(0, maxApiKeyName).trim());
  return named.ok ? named.value : ("A device without a name" as ApiKeyName);
}

/**
 * Lets a device ask for an API key, which a user approves in a browser. Nothing is stored: the page is opened with `requestToken`, and
 * the device keeps `collectionToken`. Source: RFC 8628 has the same parties.
 */
export function requestDevice({ tokens, clock, newId }: Deps) {
  return async (
    { scopes, allows }: DeviceRequest,
    context: Context,
  ): Promise<Ok<{ readonly requestToken: Token; readonly collectionToken: Token }>> => {
    const [keyId, askedAt] = [newId(ApiKeyId), clock.now()];
    const address = context.origin?.address ?? "";
    const claims = { keyId, name: nameOf(context), scopes, allows, address, askedAt };
    return ok({
      requestToken: expect(Token.parse(tokens.issue(DeviceRequestToken, claims))),
      collectionToken: expect(Token.parse(tokens.issue(DeviceCollectionToken, { keyId, askedAt }))),
    });
  };
}

type Claims = Infer<typeof DeviceRequestToken.claims>;

function readRequest({ tokens, clock }: Deps, token: string): Result<Claims, DeviceRequestVoid> {
  const claims = tokens.read(DeviceRequestToken, token);
  if (!claims) return voidSince("unknown");
  return isRecent(claims.askedAt, approvableForMs, clock) ? ok(claims) : voidSince("expired");
}

/** What a device asks for, while it can be approved. */
export function describeDeviceRequest(deps: Deps) {
  return async (
    { token }: DescribeDeviceRequest,
    context: Context,
  ): Promise<Result<Claims, DeviceRequestVoid>> => {
    const wanted = readRequest(deps, token);
    if (!wanted.ok) return wanted;
    const key = await deps.read(context, ({ apiKeys }) => apiKeys.byId(wanted.value.keyId));
    return key ? voidSince("approved") : wanted;
  };
}

/** Makes the key that a device asks for, which the device collects. */
export function approveDeviceRequest(deps: Deps) {
  const { clock } = deps;
  return async (
    { userId, token }: ApproveDeviceRequest,
    context: Context,
  ): Promise<
    Result<
      ApiKey,
      | DeviceRequestVoid
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
    const wanted = readRequest(deps, token);
    if (!wanted.ok) return wanted;
    const { keyId: id, name, scopes } = wanted.value;
    const add = addKey({ id, userId, name, scopes }, keyDays, clock);
    // If two users approve one request at once, the key of the second one conflicts, and the retry finds the first one.
    return whileSignedIn(deps)(
      context,
      async (scope) => ((await scope.apiKeys.byId(id)) ? voidSince("approved") : add(scope)),
      { lock: [userId] },
    );
  };
}

/** The key of a device, and the address of whose it is, which they had verified to approve it. */
export type CollectedKey = { readonly email: Email; readonly token: string };

/** Returns the key of an approved request to its device, as often as it asks: an answer may be lost. */
export function collectDeviceKey({ read, tokens, clock }: Deps) {
  return async (
    { token }: CollectDeviceKey,
    context: Context,
  ): Promise<Result<CollectedKey, DeviceRequestPending | DeviceRequestVoid>> => {
    const claims = tokens.read(DeviceCollectionToken, token);
    if (!claims) return voidSince("unknown");
    if (!isRecent(claims.askedAt, collectableForMs, clock)) return voidSince("expired");
    const { keyId } = claims;
    const [key, user] = await read(context, async ({ apiKeys, users }) => {
      const key = await apiKeys.byId(keyId);
      return [key, key && (await users.byId(key.userId))] as const;
    });
    if (!key) return err({ type: "device-request-pending" });
    if (!ApiKey.isLive(key, clock.now()) || user?.status !== "active") return voidSince("expired");
    return ok({ email: user.email, token: tokens.issue(ApiKeyToken, { keyId }) });
  };
}
