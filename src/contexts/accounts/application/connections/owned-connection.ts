import type { Context } from "#kernel/context.ts";
import type { Forbidden, MayAct, Permission } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Connection, ConnectionNotFound } from "../../domain/connection.ts";
import type { ConnectionId } from "../../domain/ids.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** Whoever changes a connection, or what is fetched over it, has locked it. */
export const lockOfConnection = (id: ConnectionId): string => `accounts.connection/${id}`;

type Deps = { readonly read: Read<AccountsScope>; readonly mayAct: MayAct };

/** The connection, if there is one and the actor has the permission on it. */
export const seen =
  ({ read, mayAct }: Deps, permission: Permission) =>
  async (
    connectionId: ConnectionId,
    context: Context,
  ): Promise<Result<Connection, ConnectionNotFound | Forbidden>> => {
    const found = await read(context, ({ connections }) => connections.byId(connectionId));
    if (!found) return err({ type: "connection-not-found", connectionId });
    const allowed = await mayAct(context, permission, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };
