import type { Funded } from "../../domain/account.ts";
import type { AccountType } from "../../domain/account-type.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { Accounts } from "../../domain/ledger.ts";

/** The five kinds of accounts that plain-text accounting knows by their first word. */
export const rootOf: Readonly<Record<AccountType, string>> = {
  checking: "assets",
  savings: "assets",
  cash: "assets",
  brokerage: "assets",
  retirement: "assets",
  other: "assets",
  card: "liabilities",
  loan: "liabilities",
  income: "income",
  expense: "expenses",
  equity: "equity",
  trading: "equity",
};

/** The account of a posting. */
export function accountIn(accounts: Accounts, accountId: AccountId): Funded {
  const account = accounts.get(accountId);
  if (!account) throw new Error(`${accountId} has postings and is no account`);
  return account;
}
