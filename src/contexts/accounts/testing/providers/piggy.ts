import type { Clock } from "#kernel/instant.ts";
import { Currency, Money } from "#kernel/money.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type {
  Provider,
  Raw,
  RowIgnored,
  RowUnreadable,
} from "../../application/ports/providers.ts";
import { Counterparty, ExternalId, type Observation } from "../../domain/observation.ts";
import type { ProviderId } from "../../domain/provider.ts";
import { dayOf, unreadable, worded } from "../../infrastructure/statements/cells.ts";
import { asking, recordsOf } from "../../infrastructure/providers/asking.ts";
import { moneyOf, unreadableAnswer } from "../../infrastructure/providers/decimals.ts";
import { rawOf } from "../../infrastructure/providers/json.ts";
import { rowOf } from "../../infrastructure/providers/page.ts";

const euros = expect(Currency.parse("EUR"));
const budget = { requests: 60, perS: 60 };

/** What a move says: `{ "no": 17, "day": "2026-08-03", "euros": 4.5, "what": "Pocket money" }`. */
function observe(
  _format: string,
  { no, day, euros: amount, what }: Raw,
  _currency: Currency | undefined,
): Result<Observation, RowUnreadable | RowIgnored> {
  const date = dayOf(day, ["iso"], "day");
  if (!date.ok) return date;
  const money = moneyOf(amount, euros);
  if (!money) return unreadable("amount-invalid", "euros");
  if (money.minor === 0n) return err({ type: "row-ignored", reason: "zero-amount" });
  const id = ExternalId.parse(no);
  if (!id.ok) return unreadable("id-invalid", "no");
  const counterparty = worded(Counterparty, what);
  return ok({
    status: "booked",
    date: date.value,
    amount: money,
    externalId: id.value,
    ...(counterparty === undefined ? {} : { counterparty }),
  });
}

type Options = { readonly baseUrl: string; readonly clock: Clock; readonly metrics: Metrics };

/** Piggy, a bank for children: one account for each key, and moves in pages. */
export function piggy({ baseUrl, clock, metrics }: Options): Provider {
  const ask = asking({ name: "piggy", baseUrl, budget, clock, metrics });
  const externalId = expect(ExternalId.parse("piggy"));
  const question = (secret: string, path: string, query = {}) => ({
    path,
    query,
    customer: secret,
    headers: { authorization: `Bearer ${secret}` },
  });
  return {
    id: "piggy" as ProviderId,
    name: "Piggy",
    abilities: ["accounts", "balances", "transactions"],
    ids: "stable",
    observe,
    remote: {
      connectsWith: "keys",
      historyDays: 365,
      overlapDays: 7,
      async accounts({ secret }, context) {
        const answer = await ask(question(secret, "/balance"), context);
        return answer.ok ? ok([externalId]) : answer;
      },
      async page({ credentials: { secret }, from, cursor = "1" }, context) {
        const query = { since: CivilDate.ofInstant(from), page: cursor };
        const answer = await ask(question(secret, "/moves", query), context);
        const records = answer.ok ? recordsOf(answer.value) : answer;
        if (!records.ok) return records;
        const rows = records.value.map((record) => rowOf(0, record, "no"));
        const isFirst = cursor === "1";
        const head = { format: "piggy", externalId, type: "savings", currency: euros } as const;
        const accounts = isFirst ? [head] : [];
        if (rows.length > 0)
          return ok({ accounts, rows, balances: [], next: `${Number(cursor) + 1}` });
        const balance = await ask(question(secret, "/balance"), context);
        if (!balance.ok) return balance;
        const amount: Money | undefined = moneyOf(rawOf(balance.value)["euros"], euros);
        if (!amount) return unreadableAnswer;
        const at = clock.now();
        const told = { amount, on: CivilDate.ofInstant(at), at };
        return ok({ accounts, rows, balances: [{ statement: 0, balance: told }] });
      },
    },
  };
}
