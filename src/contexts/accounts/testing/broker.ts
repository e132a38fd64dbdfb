import assert from "node:assert/strict";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { alpacaServer } from "#test/alpaca.ts";
import { ConnectProvider } from "../application/connections/connect-provider.ts";
import { ConnectionStep } from "../application/connections/disconnect.ts";
import { ListSyncs } from "../application/connections/read-connections.ts";
import { alpaca } from "../infrastructure/providers/alpaca.ts";
import { read, type OpenAccounts } from "./fixtures.ts";
import { openStatements } from "./statement-bank.ts";

export const dayMs = 86_400_000;
export const before = (now: Instant, days: number) => Instant.plus(now, -days * dayMs);

/** A customer of Alpaca's, and Alpaca. */
export async function openBroker(open: OpenAccounts) {
  const server = await alpacaServer();
  const bank = await openStatements(open, {
    providers: (clock) => [alpaca({ baseUrl: server.url, clock, metrics: createMetrics() })],
  });
  const { accounts, as, adaId, clock } = bank;
  const connect = (keys: object = server.keys, actor: string = adaId) =>
    accounts.connectProvider(read(ConnectProvider, { provider: "alpaca", keys }), as(actor));
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
  const booked = async () => {
    const [mirror] = await bank.mirrors();
    assert.ok(mirror);
    const all = await bank.lines(mirror.id, { limit: 1_000 });
    return { mirror, lines: all.map((line) => line.slice("2026-01-01 ".length)) };
  };
  return {
    ...bank,
    server,
    connect,
    step,
    tick,
    syncs,
    synced,
    again,
    told,
    booked,
    async [Symbol.asyncDispose]() {
      await bank[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}
