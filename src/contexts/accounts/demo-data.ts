import { createHash } from "node:crypto";
import { expect } from "#kernel/result.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { DemoData } from "#platform/process/module.ts";
import { seedBatch, SeedLedger, seedLedger } from "./application/ledger/seed-ledger.ts";
import { postgresLedger } from "./infrastructure/postgres-ledger.ts";

/** 2026-01-01T00:00:00Z, in ms. */
const epochMs = 1_767_225_600_000;

/** The bytes of a UUIDv7 that depend on a text and an order alone, which stands in the place of the time. */
function bytesOf(text: string, order: number): Uint8Array {
  const bytes = createHash("sha256").update(text).digest().subarray(0, 16);
  bytes.writeUIntBE(epochMs + order, 0, 6);
  bytes[6] = 0x70 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return bytes;
}

/** Demo accounts with money, and transfers between them. */
export const demoAccounts: DemoData = {
  what: "accounts",
  doc: "the number of accounts with money, of demo owners who are no users",
  batch: seedBatch,
  maker(database, { clock, newId }) {
    const onAppended = () => {};
    const units = { database, schema: "accounts", scope: postgresLedger, onAppended, clock, newId };
    const add = seedLedger({ ...postgresUnitOfWork(units), clock, bytesOf });
    return async (batch, context) => add(expect(SeedLedger.parse(batch)), context);
  },
};
