import { Money, type CurrencyMismatch, type SpelledMoney } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import {
  Account,
  maxBalance,
  type AccountElsewhere,
  type AccountInactive,
  type AccountNotFound,
  type Funded,
} from "./account.ts";
import type { AccountId } from "./ids.ts";

/** A change of the posted balance of an account, and of its held part in minor units. Either may be zero. */
export type Movement = {
  readonly accountId: AccountId;
  readonly amount: Money;
  readonly held: bigint;
};

/** `available` is the available balance of the account. */
export type InsufficientFunds = {
  readonly type: "insufficient-funds";
  readonly accountId: AccountId;
  readonly available: SpelledMoney;
};
/** The account would hold or owe more than the book can count. */
export type BalanceTooLarge = { readonly type: "balance-too-large"; readonly accountId: AccountId };

export type MovementRefused =
  | AccountNotFound
  | AccountInactive
  | AccountElsewhere
  | CurrencyMismatch
  | InsufficientFunds
  | BalanceTooLarge;

/** The accounts of a decision, by their ids, with their money. */
export type Accounts = ReadonlyMap<AccountId, Funded>;

/** The account after a movement. Money into an account is never too little. */
function moved(account: Funded, { amount, held }: Movement): Result<Funded, MovementRefused> {
  const { id: accountId, currency } = account;
  if (account.status !== "active") return err({ type: "account-inactive", accountId });
  if (account.elsewhere !== undefined) return err({ type: "account-elsewhere", accountId });
  if (amount.currency !== currency)
    return err({ type: "currency-mismatch", expected: currency, actual: amount.currency });

  const after = { ...account, posted: account.posted + amount.minor, held: account.held + held };
  const takes = amount.minor - held < 0n;
  const left = Account.available(after);
  if (takes && left !== undefined && left < 0n) {
    const available = Money.of(Account.available(account) ?? 0n, currency);
    return err({ type: "insufficient-funds", accountId, available: Money.spell(available) });
  }
  if (after.posted > maxBalance || after.posted < -maxBalance || after.held > maxBalance)
    return err({ type: "balance-too-large", accountId });
  return ok(after);
}

export const Ledger = {
  /** Applies movements one after the other. Returns the accounts after them, or the first refusal. */
  move(accounts: Accounts, movements: readonly Movement[]): Result<Accounts, MovementRefused> {
    const after = new Map(accounts);
    for (const movement of movements) {
      const { accountId } = movement;
      const account = after.get(accountId);
      if (!account) return err({ type: "account-not-found", accountId });
      const next = moved(account, movement);
      if (!next.ok) return next;
      after.set(accountId, next.value);
    }
    return ok(after);
  },
};
