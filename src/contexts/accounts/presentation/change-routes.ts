import { changesOf, eventOf, type Told } from "#platform/http/changes.ts";
import { get, type Route } from "#platform/http/route.ts";
import {
  FollowAccounts,
  maxFollowed,
  type AccountChanges,
} from "../application/accounts/follow-accounts.ts";
import type { AccountsHandlers } from "../index.ts";
import { toAccount, toTransfer } from "./views.ts";

/** Changes that follow each other faster are told together. */
const gatherMs = 1_000;
/** Streams of all users of a process, and of one of them, at most. */
const places = [512, 4] as const;

const textOf = ({ accounts, transfers }: AccountChanges): string =>
  [
    ...accounts.map((account) => eventOf("account", toAccount(account))),
    ...transfers.map((transfer) => eventOf("transfer", toTransfer(transfer))),
  ].join("");

export const changeRoutes = (accounts: AccountsHandlers, told: Told): readonly Route[] => [
  get("/accounts/changes", {
    access: "signed-in",
    id: "followAccounts",
    summary: "Follow the caller's accounts",
    description:
      `Server-sent events of the caller's accounts, the first ${maxFollowed} of them. An event \`account\` has the body of ` +
      "`GET /accounts/{accountId}`: of all accounts at the beginning, then of each that changes. An event `transfer` has the body of " +
      "`GET /transfers/{transferId}`, for each transfer that touches one, as it is by then. The stream ends after ten minutes or with the session; " +
      "a client that connects again is told of all accounts again.",
    input: FollowAccounts,
    handle: accounts.followAccounts,
    success: 200,
    stream: {
      mediaTypes: ["text/event-stream"],
      places,
      textOf: (next, closing) => changesOf({ next, textOf, gatherMs }, closing, told),
    },
    refusals: { forbidden: 403 },
  }),
];
