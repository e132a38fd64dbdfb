import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Connection, type ConnectionNotFound } from "../../domain/connection.ts";
import { ConnectionId } from "../../domain/ids.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { lockOfConnection, seen } from "./owned-connection.ts";

export const ConnectionStep = shape({ connectionId: ConnectionId });
export type ConnectionStep = Infer<typeof ConnectionStep>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
};

/** Forgets the credentials of a connection. A sync that goes on keeps what it has fetched. */
export function disconnect(deps: Deps) {
  const found = seen(deps, Permissions.keepConnections);
  return async (
    { connectionId }: ConnectionStep,
    context: Context,
  ): Promise<Result<Connection, ConnectionNotFound | Forbidden | Conflict>> => {
    const connection = await found(connectionId, context);
    if (!connection.ok) return connection;
    return deps.unitOfWork(
      context,
      async ({ connections }): Promise<Result<Connection, ConnectionNotFound>> => {
        const current = await connections.byId(connectionId);
        return current
          ? ok(connections.save(Connection.disconnect(current)))
          : err({ type: "connection-not-found", connectionId });
      },
      { lock: [lockOfConnection(connectionId)] },
    );
  };
}
