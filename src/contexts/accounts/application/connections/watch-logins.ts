import type { Context } from "#kernel/context.ts";
import { eachDue, type Done, type Slice } from "#kernel/each-due.ts";
import { Instant } from "#kernel/instant.ts";
import { ok, type Result } from "#kernel/result.ts";
import { Connection } from "../../domain/connection.ts";
import type { Change } from "#kernel/change.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import type { CredentialDeps } from "./credentials.ts";
import { contextOf } from "./fetch-pages.ts";
import { lockOfConnection } from "./owned-connection.ts";

/** Owners are warned so long before their login ends. */
const warnMs = 24 * 3_600_000;

/** The change that is due at a time; undefined where none is. */
function aged(connection: Connection, at: Instant): Change<Connection, AccountsEvent> | undefined {
  if (connection.status === "pending")
    return (connection.login?.until ?? connection.connectedAt) <= at
      ? Connection.failLogin(connection, at)
      : undefined;
  if (connection.status !== "active" || connection.loginUntil === undefined) return undefined;
  const { loginUntil } = connection;
  if (loginUntil <= at) return Connection.expire(connection);
  const isSoon = loginUntil <= Instant.plus(at, warnMs) && connection.isWarned !== true;
  return isSoon ? Connection.warn({ ...connection, loginUntil }) : undefined;
}

/** Warns owners whose login at a provider ends within a day, and ends logins whose time is over. One that fails holds up no other. */
export function watchLogins({ read, unitOfWork, clock }: CredentialDeps) {
  const age = (one: Connection, context: Context) =>
    unitOfWork(
      contextOf({ clock }, context, one),
      async ({ connections }) => {
        const current = await connections.byId(one.id);
        const change = current && aged(current, clock.now());
        if (change) connections.save(change);
        return ok(undefined);
      },
      { lock: [lockOfConnection(one.id)] },
    );

  return async ({ stopping }: Slice, context: Context): Promise<Result<Done, never>> => {
    const at = clock.now();
    const soon = Instant.plus(at, warnMs);
    const find = (limit: number) =>
      read(context, ({ connections }) => connections.ending({ at, soon, limit }));
    const act = (one: Connection) => age(one, context);
    return ok(await eachDue({ find, keyOf: ({ id }) => id, act, stopping }));
  };
}
