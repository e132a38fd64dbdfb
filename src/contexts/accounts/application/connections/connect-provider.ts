import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  Connection,
  type ConnectionNotFound,
  type ConnectionNotReady,
  type OtherAccount,
} from "../../domain/connection.ts";
import { ConnectionId, OwnerId } from "../../domain/ids.ts";
import { ProviderId } from "../../domain/provider.ts";
import { Permissions } from "../permission.ts";
import type { CredentialSealing } from "../ports/connections.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { remoteOf, type ProviderUnknown } from "../statements/provider-of.ts";
import {
  Keys,
  meansOf,
  type KeysRefused,
  type OtherCredentials,
  type ProviderUnavailable,
} from "./means.ts";
import { lockOfConnection, seen } from "./owned-connection.ts";

/** With `keys` where the provider takes keys; without, where its customers sign in there. */
export const ConnectProvider = shape({ provider: ProviderId, keys: optional(Keys) });
export type ConnectProvider = Infer<typeof ConnectProvider>;

export const Reconnect = shape({ connectionId: ConnectionId, keys: optional(Keys) });
export type Reconnect = Infer<typeof Reconnect>;

/** A connection. `signInAt`: where its owner signs in, if they have to. */
export type Connecting = { readonly connection: Connection; readonly signInAt?: string };

/** Connections of one owner that are not at their end, at most. */
export const maxConnections = 50;
export type TooManyConnections = {
  readonly type: "too-many-connections";
  readonly most: number;
};

export type ConnectDeps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly providers: readonly Provider[];
  readonly sealing: CredentialSealing;
};
type Refused = OtherCredentials | KeysRefused | ProviderUnavailable | Forbidden | Conflict;

/** Connects a provider: with an API key, which the provider is asked about first, or by a login there. */
export function connectProvider(deps: ConnectDeps) {
  const { unitOfWork, mayAct, clock, newId, providers } = deps;
  return async (
    { provider: providerId, keys }: ConnectProvider,
    context: Context,
  ): Promise<Result<Connecting, ProviderUnknown | TooManyConnections | Refused>> => {
    const allowed = await mayAct(context, Permissions.connectProvider);
    if (!allowed.ok) return allowed;
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return err({ type: "forbidden", permission: Permissions.connectProvider });
    const provider = remoteOf(providers, providerId);
    if (!provider.ok) return provider;
    const id = newId(ConnectionId);
    const means = await meansOf(
      deps,
      { provider: provider.value, connectionId: id, keys },
      context,
    );
    if (!means.ok) return means;
    // The provider may have taken its time, and the owner been deleted meanwhile.
    const still = await mayAct(context, Permissions.connectProvider);
    if (!still.ok) return still;
    const ownerId = owner.value;
    const opening = { id, ownerId, provider: provider.value.id, connectedAt: clock.now() };
    return unitOfWork(
      context,
      async ({ connections }): Promise<Result<Connecting, TooManyConnections>> => {
        if ((await connections.live(ownerId)) >= maxConnections)
          return err({ type: "too-many-connections", most: maxConnections });
        if ("login" in means.value) {
          const { login, signInAt } = means.value;
          const requested = Connection.request({ ...opening, login });
          return ok({ connection: connections.save(requested), signInAt });
        }
        const connection = connections.save(Connection.open({ ...opening, ...means.value }));
        connections.schedule(id, { nextSyncAt: opening.connectedAt });
        return ok({ connection });
      },
      { lock: [`accounts.connections/${ownerId}`] },
    );
  };
}

type NotReconnected = ConnectionNotFound | ConnectionNotReady | OtherAccount;

/** Goes on with other keys, or with another login. Accounts and what is known of them stay. */
export function reconnect(deps: ConnectDeps) {
  const { unitOfWork, clock, providers } = deps;
  const found = seen(deps, Permissions.keepConnections);
  return async (
    { connectionId, keys }: Reconnect,
    context: Context,
  ): Promise<Result<Connecting, NotReconnected | ProviderUnknown | Refused>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    const provider = remoteOf(providers, connection.value.provider);
    if (!provider.ok) return provider;
    const asked = { provider: provider.value, connectionId, keys };
    const means = await meansOf(deps, asked, context);
    if (!means.ok) return means;
    return unitOfWork(
      context,
      async ({ connections }): Promise<Result<Connecting, NotReconnected>> => {
        const current = await connections.byId(connectionId);
        if (!current) return err({ type: "connection-not-found", connectionId });
        if ("login" in means.value) {
          const { login, signInAt } = means.value;
          const begun = Connection.beginLogin(current, login);
          return begun.ok ? ok({ connection: connections.save(begun.value), signInAt }) : begun;
        }
        const synced = (await connections.scheduled(connectionId))?.syncedAccounts;
        const change = Connection.reconnect(current, means.value, synced);
        if (!change.ok) return change;
        const saved = connections.save(change.value);
        connections.schedule(connectionId, { nextSyncAt: clock.now() });
        return ok({ connection: saved });
      },
      { lock: [lockOfConnection(connectionId)] },
    );
  };
}
