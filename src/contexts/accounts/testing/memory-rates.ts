import { saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import { streamOfRate, type Rates } from "../application/ports/rates.ts";
import type { AccountsEvent } from "../domain/events.ts";
import type { QuotedRate } from "../domain/rate.ts";

export const memoryRates = () => new MemoryTable<QuotedRate>();

export const ratesIn = (
  rates: MemoryTable<QuotedRate>,
  { put, append }: MemoryTransaction,
): Rates => ({
  save: saving<QuotedRate, AccountsEvent>(append, streamOfRate, (next) =>
    put<QuotedRate>(rates, streamOfRate(next), next),
  ),
  quoted: async (from, into) => rates.rows.get(streamOfRate({ from, into })),
  among: async (currencies) =>
    [...rates.rows.values()].filter(
      ({ from, into }) => currencies.includes(from) || currencies.includes(into),
    ),
});
