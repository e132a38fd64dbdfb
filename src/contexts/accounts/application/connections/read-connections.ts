import type { Context } from "#kernel/context.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Connection, ConnectionNotFound } from "../../domain/connection.ts";
import { ConnectionId, OwnerId, SyncId } from "../../domain/ids.ts";
import type { Sync, SyncNotFound } from "../../domain/sync.ts";
import { Permissions } from "../permission.ts";
import type { Schedule } from "../ports/connections.ts";
import type { Provider } from "../ports/providers.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { seen } from "./owned-connection.ts";

export const ConnectionPageSize = pageSize({ usual: 20, most: 100 });
export const SyncPageSize = pageSize({ usual: 20, most: 100 });

export const GetConnection = shape({ connectionId: ConnectionId });
export type GetConnection = Infer<typeof GetConnection>;

export const ListConnections = shape({
  limit: optional(ConnectionPageSize),
  cursor: optional(ConnectionId),
});
export type ListConnections = Infer<typeof ListConnections>;

export const ListSyncs = shape({
  connectionId: ConnectionId,
  limit: optional(SyncPageSize),
  cursor: optional(SyncId),
});
export type ListSyncs = Infer<typeof ListSyncs>;

export const GetSync = shape({ syncId: SyncId });
export type GetSync = Infer<typeof GetSync>;

export const ListProviders = shape({});

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };

/** Who keeps accounts elsewhere, and what each can tell. One that is not set up is not among them. */
export const listProviders =
  ({ providers, mayAct }: Pick<Deps, "mayAct"> & { readonly providers: readonly Provider[] }) =>
  async (_: object, context: Context): Promise<Result<readonly Provider[], Forbidden>> => {
    const owner = await ownerOf(mayAct, context);
    const usable = providers.filter(
      ({ remote, abilities }) => remote !== undefined || abilities.includes("files"),
    );
    return owner.ok ? ok(usable) : owner;
  };

/** The actor, who may read connections of their own. */
async function ownerOf(mayAct: MayAct, context: Context): Promise<Result<OwnerId, Forbidden>> {
  const permission = Permissions.readConnections;
  const owner = OwnerId.parse(context.actor);
  if (!owner.ok) return err({ type: "forbidden", permission });
  const allowed = await mayAct(context, permission, { owner: owner.value });
  return allowed.ok ? ok(owner.value) : allowed;
}

export type ScheduledConnection = {
  readonly connection: Connection;
  readonly schedule: Schedule | undefined;
};

/** A connection, and when it is synced next. */
export function getConnection(deps: Deps) {
  const found = seen(deps, Permissions.readConnections);
  return async (
    { connectionId }: GetConnection,
    context: Context,
  ): Promise<Result<ScheduledConnection, ConnectionNotFound | Forbidden>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    const schedule = await deps.read(context, ({ connections }) =>
      connections.scheduled(connectionId),
    );
    return ok({ connection: connection.value, schedule });
  };
}

/** The actor's connections, newest first. */
export function listConnections({ read, mayAct }: Deps) {
  return async (
    { limit = ConnectionPageSize.usual, cursor }: ListConnections,
    context: Context,
  ): Promise<Result<Page<Connection, ConnectionId>, Forbidden>> => {
    const owner = await ownerOf(mayAct, context);
    if (!owner.ok) return owner;
    const page = { ownerId: owner.value, before: cursor, limit: limit + 1 };
    const found = await read(context, ({ connections }) => connections.page(page));
    return ok(pageOf(found, limit, ({ id }) => id));
  };
}

/** The syncs of a connection, newest first. */
export function listSyncs(deps: Deps) {
  const found = seen(deps, Permissions.readConnections);
  return async (
    { connectionId, limit = SyncPageSize.usual, cursor }: ListSyncs,
    context: Context,
  ): Promise<Result<Page<Sync, SyncId>, ConnectionNotFound | Forbidden>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    const page = { connectionId, before: cursor, limit: limit + 1 };
    const all = await deps.read(context, ({ syncs }) => syncs.page(page));
    return ok(pageOf(all, limit, ({ id }) => id));
  };
}

/** How far a sync is. */
export function getSync({ read, mayAct }: Deps) {
  return async (
    { syncId }: GetSync,
    context: Context,
  ): Promise<Result<Sync, SyncNotFound | Forbidden>> => {
    const found = await read(context, ({ syncs }) => syncs.byId(syncId));
    if (!found) return err({ type: "sync-not-found", syncId });
    const allowed = await mayAct(context, Permissions.readConnections, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };
}
