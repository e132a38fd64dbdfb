import type { Context } from "#kernel/context.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { OwnerId } from "../../domain/ids.ts";
import { QuotedRate, type Conversion } from "../../domain/rate.ts";
import { Permissions } from "../permission.ts";
import type { WorthOf } from "../ports/accounts.ts";
import type { HoldingsWorth } from "../ports/holdings.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** Of the actor, or of the user `ownerId`; `currency` is the one of the total. */
export const GetNetWorth = shape({ currency: optional(Currency), ownerId: optional(OwnerId) });
export type GetNetWorth = Infer<typeof GetNetWorth>;

/** What accounts of one currency are worth, with what they hold besides money at the values that providers told. */
export type Worth = WorthOf & { readonly holdings?: HoldingsWorth };

/** What accounts hold and owe. The total is of what could be converted; `missing` could not. */
export type NetWorth = {
  readonly at: Instant;
  readonly currencies: readonly Worth[];
  readonly total?: Money;
  readonly conversions: readonly Conversion[];
  readonly missing: readonly Currency[];
};

type Deps = {
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Money and holdings, by currency. */
function together(owned: readonly WorthOf[], held: readonly HoldingsWorth[]): readonly Worth[] {
  const by = new Map<Currency, Worth>(owned.map((one) => [one.amount.currency, one]));
  for (const holdings of held) {
    const { currency, minor } = holdings.amount;
    const { amount, accounts } = by.get(currency) ?? {
      amount: Money.of(0n, currency),
      accounts: 0,
    };
    by.set(currency, { amount: Money.of(amount.minor + minor, currency), accounts, holdings });
  }
  return [...by.values()].toSorted((a, b) => (a.amount.currency < b.amount.currency ? -1 : 1));
}

/** Adds up what accounts of one owner are worth, by currency, and in one currency at the newest quotes. */
export function getNetWorth({ read, mayAct, clock }: Deps) {
  return async (
    { currency, ownerId }: GetNetWorth,
    context: Context,
  ): Promise<Result<NetWorth, Forbidden>> => {
    const permission = Permissions.readAccount;
    const actor = OwnerId.parse(context.actor);
    const owner = ownerId ?? (actor.ok ? actor.value : undefined);
    if (owner === undefined) return err({ type: "forbidden", permission });
    const allowed = await mayAct(context, permission, { owner });
    if (!allowed.ok) return allowed;
    return read(context, async ({ accounts, holdings, rates }) => {
      const [owned, held] = await Promise.all([accounts.worth(owner), holdings.worth(owner)]);
      const currencies = together(owned, held);
      const told = { at: clock.now(), currencies };
      if (currency === undefined) return ok({ ...told, conversions: [], missing: [] });
      const amounts = currencies.map(({ amount }) => amount).filter(({ minor }) => minor !== 0n);
      const quotes = await rates.among([currency, ...amounts.map((amount) => amount.currency)]);
      const found = amounts.map((amount) => ({
        amount,
        conversion: QuotedRate.convert(amount, currency, quotes),
      }));
      const conversions = found.flatMap(({ conversion }) => conversion ?? []);
      const minor = conversions.reduce((sum, { converted }) => sum + converted.minor, 0n);
      return ok({
        ...told,
        total: Money.of(minor, currency),
        conversions: conversions.filter(({ quotes: over }) => over.length > 0),
        missing: found.flatMap(({ amount, conversion }) => (conversion ? [] : amount.currency)),
      });
    });
  };
}
