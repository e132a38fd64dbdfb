import assert from "node:assert/strict";
import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { alpacaServer } from "../infrastructure/stand-ins/alpaca.ts";
import { schwabServer, signInAtSchwab } from "../infrastructure/stand-ins/schwab.ts";
import type { Provider } from "../application/ports/providers.ts";
import { ConnectProvider, Reconnect } from "../application/connections/connect-provider.ts";
import { FinishLogin } from "../application/connections/finish-login.ts";
import { ConnectionStep } from "../application/connections/disconnect.ts";
import { ListSyncs } from "../application/connections/read-connections.ts";
import type { ActiveConnection, Connection } from "../domain/connection.ts";
import { schwab } from "../infrastructure/providers/schwab.ts";
import { alpaca } from "../infrastructure/providers/alpaca.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { openStatements } from "./statement-bank.ts";

export const dayMs = 86_400_000;
export const before = (now: Instant, days: number) => Instant.plus(now, -days * dayMs);

export function activeOf(connection: Connection): ActiveConnection {
  assert.ok(connection.status === "active");
  return connection;
}

/** Somebody with a provider, whose syncs go on by hand. */
export async function openSyncing(
  open: OpenAccounts,
  providers: (clock: Clock) => readonly Provider[],
) {
  const bank = await openStatements(open, { providers });
  const { accounts, as, adaId, clock } = bank;
  const step = (connectionId: string) => read(ConnectionStep, { connectionId });
  const tick = async () => {
    const { failures } = expect(await accounts.runSyncs({}, as("system")));
    assert.deepEqual(failures, []);
    await bank.run();
  };
  const syncs = async (connectionId: string) =>
    expect(await accounts.listSyncs(read(ListSyncs, { connectionId }), as(adaId))).items;
  /** The newest sync, after it has gone on as far as it can. */
  const synced = async (connectionId: string) => {
    for (let ticks = 0; ticks < 40; ticks += 1) {
      await tick();
      const [newest] = await syncs(connectionId);
      if (newest && newest.status !== "fetching" && newest.status !== "matching") return newest;
      if (newest?.status === "fetching") clock.advance(60_000);
    }
    throw new Error("the sync does not end");
  };
  const again = async (connectionId: string) => {
    expect(await accounts.requestSync(step(connectionId), as(adaId)));
    return synced(connectionId);
  };
  const booked = async () => {
    const [mirror] = await bank.mirrors();
    assert.ok(mirror);
    const all = await bank.lines(mirror.id, { limit: 1_000 });
    return { mirror, lines: all.map((line) => line.slice("2026-01-01 ".length)) };
  };
  const statusOf = async (connectionId: string) =>
    expect(await accounts.getConnection(step(connectionId), as(adaId))).connection.status;
  return { ...bank, step, tick, syncs, synced, again, booked, statusOf };
}

/** A customer of Alpaca's, and Alpaca. */
export async function openBroker(open: OpenAccounts) {
  const server = await alpacaServer();
  const house = await openSyncing(open, (clock) => [
    alpaca({ baseUrl: server.url, clock, metrics: createMetrics() }),
  ]);
  const { accounts, as, adaId, clock } = house;
  const connect = async (keys: object = server.keys, actor: string = adaId) => {
    const made = await accounts.connectProvider(
      read(ConnectProvider, { provider: "alpaca", keys }),
      as(actor),
    );
    return made.ok ? ok(activeOf(made.value.connection)) : made;
  };
  const told = async (more: Partial<Record<string, unknown>>[]) => {
    for (const [i, one] of more.entries()) {
      const createdAt = Instant.plus(before(clock.now(), 5), i * 1_000);
      const activity = {
        id: `a${server.activities.length}`,
        createdAt,
        date: createdAt.slice(0, 10),
        ...one,
      };
      server.activities.push(activity);
    }
  };
  return {
    ...house,
    server,
    connect,
    told,
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

/** A customer of Schwab's, and Schwab, whose time is that of the customer. */
export async function openSchwab(open: OpenAccounts) {
  const time = { unixMs: () => 0 };
  const server = await schwabServer({ clock: { unixMs: () => time.unixMs() } });
  const house = await openSyncing(open, (clock) => {
    time.unixMs = clock.unixMs;
    const { key: id, secret, redirectUrl } = server.app;
    const client = { id, secret, redirectUrl };
    return [schwab({ baseUrl: server.url, client, clock, metrics: createMetrics() })];
  });
  const { accounts, as, adaId } = house;
  /** The same person in one of their sessions. */
  const inSession = (credential: string, actor: string = adaId): Context => ({
    ...as(actor),
    credential,
  });
  const begin = async (context = inSession("laptop")) => {
    const made = await accounts.connectProvider(
      read(ConnectProvider, { provider: "schwab" }),
      context,
    );
    const { connection, signInAt = "" } = expect(made);
    return { ...connection, signInAt };
  };
  const finish = (returned: object, context = inSession("laptop")) =>
    accounts.finishLogin(read(FinishLogin, returned), context);
  const connected = async () => {
    const { signInAt } = await begin();
    return activeOf(expect(await finish(await signInAtSchwab(signInAt))));
  };
  const reauthorize = async (connectionId: string) => {
    const input = read(Reconnect, { connectionId });
    return expect(await accounts.reconnect(input, inSession("laptop"))).signInAt ?? "";
  };
  return {
    ...house,
    server,
    inSession,
    begin,
    finish,
    connected,
    reauthorize,
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
