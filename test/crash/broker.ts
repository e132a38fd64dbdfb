import { setTimeout as sleep } from "node:timers/promises";
import { describe } from "#platform/events/failure.ts";
import { alpacaServer } from "../../src/contexts/accounts/infrastructure/stand-ins/alpaca.ts";
import { get, post } from "../support/http.ts";
import type { Target } from "./site.ts";

type At = NonNullable<Target>;

const patienceMs = 60_000;
/** Deposits that are made together. */
const together = 3;

/** A brokerage of one customer, which no crash of Basalt hurts: it tells again what it has told. */
export async function openBroker() {
  const server = await alpacaServer();
  return {
    url: server.url,

    /** Cents that the customer has paid in, by their ids. */
    deposits: (): readonly string[] => server.activities.map(({ id }) => id),

    payIn(key: string): void {
      const createdAt = new Date().toISOString();
      for (let i = 0; i < together; i += 1)
        server.activities.push({
          id: `paid-in-${key}-${i}`,
          createdAt,
          activity_type: "CSD",
          date: createdAt.slice(0, 10),
          net_amount: "0.01",
          status: "executed",
        });
    },

    /** Connects the customer. Answers where syncs are asked for. */
    async connect(at: At): Promise<string> {
      const told = { provider: "alpaca", keys: server.keys };
      const { status, body, text } = await post(at, "/connections", told);
      if (status !== 201) throw new Error(`the brokerage is not connected: ${text}`);
      return `/connections/${String(body["id"])}/syncs`;
    },

    /** Syncs once more after all that was paid in. Complains about what does not succeed. */
    async synced(target: () => Target, syncs: string): Promise<readonly string[]> {
      let last = "there is no server";
      for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(100)) {
        const at = target();
        if (!at) continue;
        // The first that is asked for may be one that has begun before.
        last = await endOf(at, syncs).catch(describe);
        if (last === "succeeded") last = await endOf(at, syncs).catch(describe);
        if (last === "succeeded") return [];
      }
      return [`sync: the last one does not succeed: ${last}`];
    },

    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
export type Broker = Awaited<ReturnType<typeof openBroker>>;

/** Asks for a sync, and answers how it ends. */
async function endOf(at: At, syncs: string): Promise<string> {
  const asked = await post(at, syncs);
  if (asked.status !== 202) return asked.text;
  for (const end = Date.now() + patienceMs; Date.now() < end; await sleep(50)) {
    const { body, text } = await get(at, `/syncs/${String(asked.body["id"])}`);
    const status = body["status"];
    if (typeof status !== "string") return text;
    if (status !== "fetching" && status !== "matching") return status;
  }
  return "a sync does not end";
}
