import { createHash, randomBytes } from "node:crypto";
import { standIn, type Answered, type Asked } from "./stand-in.ts";

/** A transaction as Schwab spells it; its `time` is what windows go by. */
export type SchwabTransaction = { readonly time: string } & Readonly<Record<string, unknown>>;

type Clock = { readonly unixMs: () => number };
type Options = { readonly clock: Clock; readonly port?: number };
type Held = { readonly kind: "code" | "access" | "refresh"; readonly untilMs: number };

const [codeMs, accessMs, loginMs] = [30_000, 1_800_000, 7 * 86_400_000];
const mostRows = 3_000;
const mostWindowMs = 366 * 86_400_000;
const exact = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const refused = (status: number, error: string, more = ""): Answered => [
  status,
  { error, error_description: more },
];
const invalid = (message: string): Answered => [400, { message, errors: [message] }];

/** The words of Schwab where a refresh token is good no more. */
const deadRefresh = refused(
  400,
  "unsupported_token_type",
  '{"errors":[{"status":400,"title":"refresh_token_authentication_error"}]}',
);

/** A key and a secret in HTTP Basic, encoded as in a form. Source: RFC 6749, 2.3.1. */
function shownBy({ headers }: Asked): string {
  const encoded = /^Basic (?<said>.+)$/.exec(headers.authorization ?? "")?.groups?.["said"] ?? "";
  return decodeURIComponent(Buffer.from(encoded, "base64").toString().replaceAll("+", " "));
}

/** `rotates`: a refresh token is good for one time. `denies`: the customer does not sign in. */
type Habits = { rotates: boolean; denies: boolean; expiresIn?: number };

/** Codes and tokens: what is given, until when, and for what. */
function schwabLogin(clock: Clock) {
  const app = { key: "app-key", secret: "app/secret+1", redirectUrl: "https://app.example/schwab" };
  const habits: Habits = { rotates: true, denies: false };
  const hooks: { beforeToken?: () => void; beforeNumbers?: () => void } = {};
  const held = new Map<string, Held>();
  const challenges = new Map<string, string | null>();
  const counts = { refreshes: 0 };

  function give(kind: Held["kind"], lastsMs: number): string {
    const token = `${kind}.${randomBytes(12).toString("hex")}@`;
    held.set(token, { kind, untilMs: clock.unixMs() + lastsMs });
    return token;
  }
  const isGood = (kind: Held["kind"], token: string | null): token is string => {
    const found = held.get(token ?? "");
    return found?.kind === kind && found.untilMs > clock.unixMs();
  };

  function authorize(query: URLSearchParams): Answered {
    const isKnown =
      query.get("client_id") === app.key && query.get("redirect_uri") === app.redirectUrl;
    if (!isKnown)
      return refused(400, "invalid_request", "client_id and redirect_uri must be those of the app");
    const back = new URL(app.redirectUrl);
    back.searchParams.set("state", query.get("state") ?? "");
    if (habits.denies) back.searchParams.set("error", "access_denied");
    else {
      const code = give("code", codeMs);
      challenges.set(code, query.get("code_challenge"));
      back.searchParams.set("code", code);
    }
    return [302, {}, back.href];
  }

  const tokens = (refreshToken: string): Answered => [
    200,
    {
      access_token: give("access", accessMs),
      refresh_token: refreshToken,
      id_token: "not.for.us",
      token_type: "Bearer",
      scope: "api",
      expires_in: habits.expiresIn ?? accessMs / 1_000,
    },
  ];

  function token(asked: Asked): Answered {
    if (shownBy(asked) !== `${app.key}:${app.secret}`) return refused(401, "invalid_client");
    const form = new URLSearchParams(asked.body);
    if (form.get("grant_type") === "refresh_token") {
      counts.refreshes += 1;
      const before = form.get("refresh_token");
      if (!isGood("refresh", before)) return deadRefresh;
      if (!habits.rotates) return tokens(before);
      const { untilMs } = held.get(before) as Held;
      held.delete(before);
      return tokens(give("refresh", untilMs - clock.unixMs()));
    }
    const code = form.get("code");
    if (!isGood("code", code) || form.get("redirect_uri") !== app.redirectUrl)
      return refused(400, "invalid_grant");
    const challenge = challenges.get(code);
    const shown = createHash("sha256")
      .update(form.get("code_verifier") ?? "")
      .digest("base64url");
    held.delete(code);
    if (challenge != null && challenge !== shown) return refused(400, "invalid_grant");
    return tokens(give("refresh", loginMs));
  }

  /** All that was given is good no more, as after the customer has revoked it. */
  function revoke(kind: Held["kind"]): void {
    for (const [key, one] of held) if (one.kind === kind) held.delete(key);
  }
  return { app, habits, hooks, counts, authorize, token, isGood, revoke };
}

/** Schwab's Trader API for one customer with some accounts: login, tokens that end, hashes in paths, exact dates, and the cap of 3 000 rows. */
export async function schwabServer({ clock, port = 0 }: Options) {
  const { authorize, token, isGood, ...login } = schwabLogin(clock);
  const accounts: { number: string; hash: string; cash: string; isHidden?: boolean }[] = [
    { number: "12345678", hash: "HASH1", cash: "1000.00" },
  ];
  const positions: Readonly<Record<string, unknown>>[] = [];
  const transactions = new Map<string, readonly SchwabTransaction[]>();

  function transactionsOf(hash: string, query: URLSearchParams): Answered {
    const account = accounts.find((one) => one.hash === hash);
    if (account?.isHidden) return [403, { message: "forbidden", errors: [] }];
    if (!account) return [404, { message: "account not found", errors: ["account not found"] }];
    const [start, end] = [query.get("startDate") ?? "", query.get("endDate") ?? ""];
    if (!exact.test(start) || !exact.test(end)) return invalid("dates");
    if (Date.parse(end) - Date.parse(start) > mostWindowMs) return invalid("too long");
    if (!query.get("types")) return invalid("types");
    const found = (transactions.get(account.number) ?? []).filter(
      ({ time }) => Date.parse(time) >= Date.parse(start) && Date.parse(time) <= Date.parse(end),
    );
    return [200, found.toReversed().slice(0, mostRows)];
  }

  function answered(asked: Asked): Answered {
    const { url, headers } = asked;
    if (url.pathname === "/v1/oauth/authorize") return authorize(url.searchParams);
    if (url.pathname === "/v1/oauth/token") {
      login.hooks.beforeToken?.();
      return token(asked);
    }
    const access = /^Bearer (?<token>.+)$/.exec(headers.authorization ?? "")?.groups?.["token"];
    if (!isGood("access", access ?? null)) return [401, { message: "unauthorized", errors: [] }];
    if (url.pathname === "/trader/v1/accounts/accountNumbers") {
      login.hooks.beforeNumbers?.();
      return [
        200,
        accounts.map(({ number, hash }) => ({ accountNumber: number, hashValue: hash })),
      ];
    }
    if (url.pathname === "/trader/v1/accounts")
      return [
        200,
        accounts.map(({ number, cash }) => ({
          securitiesAccount: {
            type: "CASH",
            accountNumber: number,
            currentBalances: {
              cashBalance: Number(cash),
              longMarketValue: positions.reduce((sum, one) => sum + Number(one["marketValue"]), 0),
              liquidationValue: 12345.67,
            },
            ...(url.searchParams.get("fields") === "positions" ? { positions } : {}),
          },
        })),
      ];
    const path = /^\/trader\/v1\/accounts\/(?<hash>[^/]+)\/transactions$/.exec(url.pathname);
    const hash = path?.groups?.["hash"];
    return hash === undefined
      ? [404, { message: "not found", errors: [] }]
      : transactionsOf(decodeURIComponent(hash), url.searchParams);
  }

  return { ...(await standIn({ answered, port })), ...login, accounts, positions, transactions };
}

/** What a browser is sent back with, after its user has signed in. */
export async function signInAtSchwab(signInAt: string): Promise<Record<string, string>> {
  const answer = await fetch(signInAt, { redirect: "manual" });
  return Object.fromEntries(new URL(answer.headers.get("location") ?? "").searchParams);
}

/** So many dividends of a cent each, a second after the other. */
export const dividends = (count: number, from: string, first = 9_007_199_254_740_993n) =>
  Array.from({ length: count }, (_, i): SchwabTransaction => {
    const time = new Date(Date.parse(from) + i * 1_000).toISOString().replace("Z", "+0000");
    return {
      activityId: first + BigInt(i),
      time,
      tradeDate: time,
      description: `Dividend ${i}`,
      accountNumber: "12345678",
      type: "DIVIDEND_OR_INTEREST",
      status: "VALID",
      netAmount: 0.01,
    };
  });

const dayMs = 86_400_000;

/** What a saver does in three months before a day: pays in, buys a fund and gets dividends. A transaction keeps its id from one day to the next. */
export function savings(today: Date): readonly SchwabTransaction[] {
  const last = Math.floor(today.getTime() / dayMs / 30) * 30;
  const on = (day: number, facts: Readonly<Record<string, unknown>>): SchwabTransaction => {
    const time = new Date(day * dayMs + dayMs / 2).toISOString().replace("Z", "+0000");
    const activityId = 90_000_000_000n + BigInt(day);
    return {
      activityId,
      time,
      tradeDate: time,
      accountNumber: "12345678",
      status: "VALID",
      ...facts,
    };
  };
  const fund = { assetType: "COLLECTIVE_INVESTMENT", symbol: "SCHB" };
  return [last - 60, last - 30, last]
    .flatMap((day) => [
      on(day, { type: "ACH_RECEIPT", netAmount: 300, description: "Savings plan" }),
      on(day + 1, {
        type: "TRADE",
        netAmount: -240.5,
        transferItems: [{ instrument: fund, amount: 10, price: 24.05, positionEffect: "OPENING" }],
      }),
      on(day + 9, { type: "DIVIDEND_OR_INTEREST", netAmount: 1.37, description: "SCHB dividend" }),
    ])
    .filter(({ time }) => Date.parse(time) < today.getTime());
}
