import type { WakeUp } from "#platform/events/wake-up.ts";
import { get, type Route } from "#platform/http/route.ts";
import { pause, type Timers } from "#platform/runtime.ts";
import {
  FollowAccounts,
  maxFollowed,
  type AccountChanges,
  type Following,
} from "../application/accounts/follow-accounts.ts";
import type { AccountsHandlers } from "../index.ts";
import { toAccount, toTransfer } from "./views.ts";

/** Without a change, a comment keeps proxies from closing the connection, and what was not announced is found. */
const quietMs = 15_000;
/** Changes that follow each other faster are told together. */
const gatherMs = 1_000;
/** Streams of all users of a process, and of one of them, at most. */
const places = [512, 4] as const;
/** How long one stream of events lasts. Browsers reconnect by themselves. */
const listeningMs = 600_000;

type Told = { readonly wakeUp: WakeUp; readonly timers: Timers };

const eventOf = (name: string, data: unknown) =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

const textOf = ({ accounts, transfers }: AccountChanges): string =>
  [
    ...accounts.map((account) => eventOf("account", toAccount(account))),
    ...transfers.map((transfer) => eventOf("transfer", toTransfer(transfer))),
  ].join("");

/** Server-sent events, until the stream has lasted long enough, the server stops or the permission is gone. */
async function* changes(
  next: Following,
  closing: AbortSignal,
  { wakeUp: announced, timers }: Told,
): AsyncGenerator<string> {
  using wakeUp = announced.fork();
  const wake = () => wakeUp.call();
  closing.addEventListener("abort", wake, { once: true });
  try {
    const endsAt = timers.elapsedMs() + listeningMs;
    while (!closing.aborted && timers.elapsedMs() < endsAt) {
      const seen = wakeUp.calls;
      const found = await next();
      if (!found.ok) return;
      yield textOf(found.value) || ": nothing new\n\n";
      if (closing.aborted) return;
      if (!found.value.hasMore) await wakeUp.wait(seen, quietMs);
      await pause(timers, gatherMs, closing);
    }
  } finally {
    closing.removeEventListener("abort", wake);
  }
}

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
      textOf: (next, closing) => changes(next, closing, told),
    },
    refusals: { forbidden: 403 },
  }),
];
