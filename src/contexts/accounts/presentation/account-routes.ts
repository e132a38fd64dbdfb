import { del, get, patch, post, type Route } from "#platform/http/route.ts";
import { AccountStep, EditAccount } from "../application/accounts/change-account.ts";
import { OpenAccount } from "../application/accounts/open-account.ts";
import { GetAccount, GetBalance, ListAccounts } from "../application/accounts/read-accounts.ts";
import { GetStatement } from "../application/ledger/read-ledger.ts";
import type { AccountsHandlers } from "../index.ts";
import {
  AccountListView,
  AccountView,
  BalanceView,
  StatementView,
  toAccount,
  toBalance,
  toLine,
} from "./views.ts";

const version = ({ version: current }: { readonly version: number }) => current;
const one = {
  access: "signed-in",
  success: 200,
  output: AccountView,
  present: toAccount,
  version,
} as const;
const seen = { "account-not-found": 404, forbidden: 403 } as const;
const changed = { ...seen, "precondition-failed": 412, conflict: 409 } as const;

/** Accounts from their opening to their end. */
const life = (accounts: AccountsHandlers): readonly Route[] => [
  post("/accounts", {
    ...one,
    id: "openAccount",
    summary: "Open an account",
    description:
      "Opens an account of one currency for the caller. It cannot fall below zero. Accounts for others, " +
      "overdrafts, and accounts of the book (`income`, `expense`, `equity` and `trading`, which have no " +
      "owner and no limit) require `accounts:manage`.",
    input: OpenAccount,
    handle: accounts.openAccount,
    success: 201,
    location: ({ id }) => `/accounts/${id}`,
    refusals: {
      "owner-mismatch": 422,
      "provider-unknown": 422,
      "overdraft-invalid": 422,
      forbidden: 403,
      conflict: 409,
    },
  }),
  patch("/accounts/:accountId", {
    ...one,
    id: "editAccount",
    summary: "Edit an account",
    description:
      "Changes the fields that are given; `null` removes the mask or the limit of the overdraft. " +
      "Overdrafts require `accounts:manage`.",
    input: EditAccount,
    handle: accounts.editAccount,
    refusals: { ...changed, "overdraft-invalid": 422 },
  }),
  post("/accounts/:accountId/deactivation", {
    ...one,
    id: "deactivateAccount",
    summary: "Deactivate an account",
    description:
      "Requires a balance of zero and no holds. The account takes no postings from then on.",
    input: AccountStep,
    handle: accounts.deactivateAccount,
    refusals: { ...changed, "account-in-use": 409 },
  }),
  del("/accounts/:accountId/deactivation", {
    ...one,
    id: "reactivateAccount",
    summary: "Reactivate an account",
    description: "Makes a deactivated account take postings again.",
    input: AccountStep,
    handle: accounts.reactivateAccount,
    refusals: changed,
  }),
];

export const accountRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  ...life(accounts),
  get("/accounts", {
    access: "signed-in",
    id: "listAccounts",
    summary: "List accounts",
    description:
      "The caller's accounts, oldest first, or those of another user by `ownerId`. `of=everybody` lists " +
      "all accounts and those of the book. Accounts of others require `accounts:read`.",
    input: ListAccounts,
    handle: accounts.listAccounts,
    success: 200,
    output: AccountListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toAccount) }),
    refusals: { forbidden: 403 },
  }),
  get("/accounts/:accountId", {
    ...one,
    id: "getAccount",
    summary: "Get an account",
    description: "The account with its current balance.",
    input: GetAccount,
    handle: accounts.getAccount,
    isComposed: true,
    refusals: seen,
  }),
  get("/accounts/:accountId/balance", {
    access: "signed-in",
    id: "getBalance",
    summary: "Get the balance of an account",
    description:
      "`posted` is the sum of all postings, `held` is reserved by pending transfers, and `available` can be " +
      "taken; it is missing if nothing limits the account. With `at`, the balance as it was recorded at that instant; with " +
      "`on`, the sum of the entries that are dated up to that day. Neither tells what was available.",
    input: GetBalance,
    handle: accounts.getBalance,
    success: 200,
    output: BalanceView,
    present: toBalance,
    refusals: { ...seen, "time-ambiguous": 422 },
  }),
  get("/accounts/:accountId/postings", {
    access: "signed-in",
    id: "getStatement",
    summary: "Get the statement of an account",
    description:
      "The postings of the account with the balance after each, in the order in which they were recorded: " +
      "newest first, or oldest first by `order`. `from` and `until` bound the time of recording.",
    input: GetStatement,
    handle: accounts.getStatement,
    success: 200,
    output: StatementView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toLine) }),
    refusals: seen,
  }),
];
