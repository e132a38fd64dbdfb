import { Money } from "#kernel/money.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { Holdings } from "../application/ports/holdings.ts";
import { maxHoldings, type Holding } from "../domain/holding.ts";
import type { AccountId, OwnerId } from "../domain/ids.ts";

type Held = Holding & { readonly accountId: AccountId };

export const memoryHoldings = () => new MemoryTable<Held>();
export type HoldingsTable = ReturnType<typeof memoryHoldings>;

const byText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0);
const sorted = (holdings: HoldingsTable): readonly Held[] =>
  [...holdings.rows.values()].toSorted((a, b) => byText(a.instrument, b.instrument));

/** `accountsOf`: the active accounts of an owner. */
export const holdingsIn = (
  holdings: HoldingsTable,
  { change }: MemoryTransaction,
  accountsOf: (ownerId: OwnerId) => ReadonlySet<AccountId>,
): Holdings => ({
  tell(accountId, { holdings: told, extent }) {
    const kept = new Set(told.map(({ instrument }) => instrument));
    for (const [key, one] of holdings.rows)
      if (extent === "whole" && one.accountId === accountId && !kept.has(one.instrument))
        change<Held>(holdings, key, () => undefined);
    for (const one of told)
      change<Held>(holdings, `${accountId} ${one.instrument}`, () => ({ ...one, accountId }));
  },
  ofAccount: async (accountId) =>
    sorted(holdings)
      .filter((one) => one.accountId === accountId)
      .slice(0, maxHoldings)
      .map(({ accountId: _accountId, ...one }) => one),
  async worth(ownerId) {
    const own = accountsOf(ownerId);
    const held = sorted(holdings).filter(({ accountId }) => own.has(accountId));
    return [...Map.groupBy(held, ({ marketValue }) => marketValue.currency)]
      .toSorted(([a], [b]) => byText(a, b))
      .map(([currency, some]) => ({
        amount: Money.of(
          some.reduce((sum, { marketValue }) => sum + marketValue.minor, 0n),
          currency,
        ),
        positions: some.length,
        asOf: some.map(({ asOf }) => asOf).reduce((a, b) => (a < b ? a : b)),
      }));
  },
});

/** What accounts of an owner held. */
export function eraseHoldings(
  holdings: HoldingsTable,
  { change }: MemoryTransaction,
  accountIds: ReadonlySet<AccountId>,
): void {
  for (const [key, { accountId }] of holdings.rows)
    if (accountIds.has(accountId)) change<Held>(holdings, key, () => undefined);
}
