import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { Currency } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { quote } from "../../domain/exchange.ts";
import { QuotedRate, type QuoteInvalid } from "../../domain/rate.ts";
import { Permissions } from "../permission.ts";
import { streamOfRate } from "../ports/rates.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** So much of `into` is paid for one of `from`. */
export const QuoteRate = shape({ from: Currency, into: Currency, ...quote });
export type QuoteRate = Infer<typeof QuoteRate>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** Takes a quote, which counts until a newer one is told. An older one than the known changes nothing. */
export function quoteRate({ unitOfWork, mayAct, clock }: Deps) {
  return async (
    quoted: QuoteRate,
    context: Context,
  ): Promise<Result<QuotedRate, QuoteInvalid | Forbidden | Conflict>> => {
    const allowed = await mayAct(context, Permissions.quoteRate);
    if (!allowed.ok) return allowed;
    return unitOfWork(
      context,
      async ({ rates }): Promise<Result<QuotedRate, QuoteInvalid>> => {
        const known = await rates.quoted(quoted.from, quoted.into);
        const change = QuotedRate.quote(known, quoted, clock.now());
        return change.ok ? ok(rates.save(change.value)) : change;
      },
      { lock: [`accounts.${streamOfRate(quoted)}`] },
    );
  };
}
