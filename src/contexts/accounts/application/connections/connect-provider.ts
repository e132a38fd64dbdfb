import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { branded, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Connection,
  type ActiveConnection,
  type ConnectionNotFound,
  type ConnectionNotReady,
  type OtherAccount,
} from "../../domain/connection.ts";
import { ConnectionId, OwnerId } from "../../domain/ids.ts";
import type { ExternalId } from "../../domain/observation.ts";
import { ProviderId } from "../../domain/provider.ts";
import { Permissions } from "../permission.ts";
import type { CredentialSealing } from "../ports/connections.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { providerOf, type ProviderUnknown } from "../statements/provider-of.ts";
import { lockOfConnection, seen } from "./owned-connection.ts";

/** A part of an API key. Nothing but visible characters: it becomes a header. */
type KeyPart = Brand<string, "KeyPart">;
const KeyPart = branded<KeyPart>("part of an API key", {
  schema: {
    type: "string",
    minLength: 1,
    maxLength: 200,
    pattern: "^[\\x21-\\x7e]+$",
    writeOnly: true,
  },
  says: "1 to 200 visible characters without spaces",
});
/** The id and the secret of a key, as the provider has made it. */
const Keys = shape({ id: KeyPart, secret: KeyPart });

export const ConnectProvider = shape({ provider: ProviderId, keys: Keys });
export type ConnectProvider = Infer<typeof ConnectProvider>;

export const Reconnect = shape({ connectionId: ConnectionId, keys: Keys });
export type Reconnect = Infer<typeof Reconnect>;

/** Connections of one owner that are not at their end, at most. */
export const maxConnections = 50;
export type TooManyConnections = {
  readonly type: "too-many-connections";
  readonly most: number;
};
/** The provider does not take the keys. */
export type KeysRefused = { readonly type: "keys-refused"; readonly provider: ProviderId };
/** The provider does not answer now. */
export type ProviderUnavailable = {
  readonly type: "provider-unavailable";
  readonly provider: ProviderId;
};

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly providers: readonly Provider[];
  readonly sealing: CredentialSealing;
};
type Refused = KeysRefused | ProviderUnavailable | Forbidden | Conflict;

/** The accounts that keys open, as the provider says. */
async function opened(
  { id: provider, remote }: Provider,
  keys: ConnectProvider["keys"],
  context: Context,
): Promise<Result<readonly ExternalId[], KeysRefused | ProviderUnavailable>> {
  const answer = await remote?.accounts(keys, context);
  if (!answer) return ok([]);
  if (answer.ok) return answer;
  const { reason } = answer.error;
  return reason === "login-lost" || reason === "refused"
    ? err({ type: "keys-refused", provider })
    : err({ type: "provider-unavailable", provider });
}

/** Connects a provider with an API key, which the provider is asked about first. */
export function connectProvider(deps: Deps) {
  const { unitOfWork, mayAct, clock, newId, sealing } = deps;
  const remotes = deps.providers.filter(({ remote }) => remote);
  return async (
    { provider: providerId, keys }: ConnectProvider,
    context: Context,
  ): Promise<Result<ActiveConnection, ProviderUnknown | TooManyConnections | Refused>> => {
    const allowed = await mayAct(context, Permissions.connectProvider);
    if (!allowed.ok) return allowed;
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return err({ type: "forbidden", permission: Permissions.connectProvider });
    const provider = providerOf(remotes, providerId);
    if (!provider.ok) return provider;
    const { id } = provider.value;
    const accounts = await opened(provider.value, keys, context);
    if (!accounts.ok) return accounts;
    // The provider may have taken its time, and the owner been deleted meanwhile.
    const still = await mayAct(context, Permissions.connectProvider);
    if (!still.ok) return still;
    const ownerId = owner.value;
    return unitOfWork(
      context,
      async ({ connections }): Promise<Result<ActiveConnection, TooManyConnections>> => {
        if ((await connections.live(ownerId)) >= maxConnections)
          return err({ type: "too-many-connections", most: maxConnections });
        const connectionId = newId(ConnectionId);
        const credentials = sealing.seal(JSON.stringify(keys), connectionId);
        const connectedAt = clock.now();
        const connection = Connection.open({
          id: connectionId,
          ownerId,
          provider: id,
          connectedAt,
          accounts: accounts.value,
          credentials,
        });
        const saved = connections.save(connection);
        connections.schedule(connectionId, { nextSyncAt: connectedAt });
        return ok(saved);
      },
      { lock: [`accounts.connections/${ownerId}`] },
    );
  };
}

type NotReconnected = ConnectionNotFound | ConnectionNotReady | OtherAccount;

/** Goes on with other keys. Accounts and what is known of them stay. */
export function reconnect(deps: Deps) {
  const { unitOfWork, clock, sealing, providers } = deps;
  const found = seen(deps, Permissions.keepConnections);
  return async (
    { connectionId, keys }: Reconnect,
    context: Context,
  ): Promise<Result<ActiveConnection, NotReconnected | Refused>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    const provider = expect(providerOf(providers, connection.value.provider));
    const accounts = await opened(provider, keys, context);
    if (!accounts.ok) return accounts;
    return unitOfWork(
      context,
      async ({ connections }): Promise<Result<ActiveConnection, NotReconnected>> => {
        const current = await connections.byId(connectionId);
        if (!current) return err({ type: "connection-not-found", connectionId });
        const credentials = sealing.seal(JSON.stringify(keys), connectionId);
        const change = Connection.reconnect(current, { credentials, accounts: accounts.value });
        if (!change.ok) return change;
        const saved = connections.save(change.value);
        connections.schedule(connectionId, { nextSyncAt: clock.now() });
        return ok(saved);
      },
      { lock: [lockOfConnection(connectionId)] },
    );
  };
}
