import { get, post, type Route } from "#platform/http/route.ts";
import { MakeExchange } from "../application/ledger/make-exchange.ts";
import { PostEntry, ReverseEntry } from "../application/ledger/post-entry.ts";
import { GetEntry } from "../application/ledger/read-ledger.ts";
import type { AccountsHandlers } from "../index.ts";
import { EntryView, toEntry } from "./views.ts";

const one = { access: "signed-in", output: EntryView, present: toEntry } as const;
const posted = {
  "account-not-found": 422,
  "account-inactive": 409,
  "account-elsewhere": 409,
  "currency-mismatch": 422,
  "insufficient-funds": 409,
  "balance-too-large": 409,
  "date-invalid": 422,
  forbidden: 403,
  conflict: 409,
} as const;

export const entryRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  post("/entries", {
    ...one,
    id: "postEntry",
    summary: "Post a journal entry",
    description:
      "Two or more postings whose sum is zero in each currency; a positive amount goes into its account. " +
      "Entries are never changed: a reversal undoes one. `date` is today in UTC by default, and neither before " +
      "an account was opened nor more than a day ahead. Requires `entries:create`.",
    input: PostEntry,
    handle: accounts.postEntry,
    success: 201,
    location: ({ id }) => `/entries/${id}`,
    refusals: { ...posted, "postings-invalid": 422 },
  }),
  post("/exchanges", {
    ...one,
    id: "makeExchange",
    summary: "Exchange money",
    description:
      "Sells `amount` of the account `from` at a `rate`, which the caller vouches for with its `source` and time. What is bought is rounded " +
      "to the nearest unit, and divided among the accounts of `to` by their `share`; no unit is lost. Both sides go " +
      "through the book's own accounts of the two currencies. Requires `exchanges:create`.",
    input: MakeExchange,
    handle: accounts.makeExchange,
    success: 201,
    location: ({ id }) => `/entries/${id}`,
    refusals: {
      ...posted,
      "postings-invalid": 422,
      "exchange-invalid": 422,
      "weights-invalid": 422,
    },
  }),
  get("/entries/:entryId", {
    ...one,
    id: "getEntry",
    summary: "Get a journal entry",
    description: "Requires `entries:read`.",
    input: GetEntry,
    handle: accounts.getEntry,
    success: 200,
    refusals: { "entry-not-found": 404, forbidden: 403 },
  }),
  post("/entries/:entryId/reversal", {
    ...one,
    id: "reverseEntry",
    summary: "Reverse a journal entry",
    description:
      "Posts an entry with the opposite postings, which names the one that it reverses. An entry is reversed once, " +
      "and a reversal is not reversed. Requires `entries:create`.",
    input: ReverseEntry,
    handle: accounts.reverseEntry,
    success: 201,
    location: ({ id }) => `/entries/${id}`,
    refusals: { ...posted, "entry-not-found": 404, "not-reversible": 409 },
  }),
];
