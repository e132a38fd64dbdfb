import { CivilDate } from "#kernel/civil-date.ts";
import { Instant } from "#kernel/instant.ts";
import { Money, SpelledMoney } from "#kernel/money.ts";
import { list, named, optional, shape, type Infer } from "#kernel/shape.ts";
import { del, get, post, type Route } from "#platform/http/route.ts";
import {
  AgreementPageSize,
  LiftAgreement,
  ListAgreements,
  Reconcile,
} from "../application/reconciliations/reconcile.ts";
import type { Agreement } from "../domain/agreement.ts";
import type { AccountsHandlers } from "../index.ts";
import { AccountView, toAccount } from "./views.ts";

/** `balance`: of the end of that day. */
const AgreementView = named(
  "Reconciliation",
  shape({ on: CivilDate, balance: SpelledMoney, agreedAt: Instant }),
);
const AgreementListView = named(
  "ReconciliationList",
  shape({
    items: list(AgreementView, AgreementPageSize.most),
    nextCursor: optional(CivilDate),
  }),
);

const toAgreement = ({ on, balance, agreedAt }: Agreement): Infer<typeof AgreementView> => ({
  on,
  balance: Money.spell(balance),
  agreedAt,
});

const path = "/accounts/:accountId/reconciliations";
const seen = { "account-not-found": 404, forbidden: 403 } as const;

export const reconciliationRoutes = (accounts: AccountsHandlers): readonly Route[] => [
  post(path, {
    access: "signed-in",
    id: "reconcileAccount",
    summary: "Agree to a balance of an account elsewhere",
    description:
      "Confirms the balance that the account had at the end of a past day: `balance`, or the one that the provider reported if you leave it out. If the lines add up to it, the lines of that day and of all days before are final: " +
      "rows that would change them are quarantined as `reconciled`, and no import that reported them can be undone. `AGREEMENT_INVALID` says why a day cannot be agreed: `not-elsewhere` (the account " +
      "mirrors none), `day-not-over`, `agreed-later` (`agreedUntil` is), `undoing` (an import of the owner is being taken back), `untold` (the provider told no balance of the end of that day, as brokers never do: send `balance`), " +
      "`other-currency`. `BALANCE_DIFFERS` has what was `stated`, what is `derived` from the lines, and the `difference`.",
    input: Reconcile,
    handle: accounts.reconcile,
    success: 201,
    output: AgreementView,
    present: toAgreement,
    refusals: {
      ...seen,
      "agreement-invalid": 422,
      "balance-differs": 409,
      conflict: 409,
    },
  }),
  get(path, {
    access: "signed-in",
    id: "listReconciliations",
    summary: "List the balances that were agreed to",
    description: "Newest day first.",
    input: ListAgreements,
    handle: accounts.listAgreements,
    success: 200,
    output: AgreementListView,
    present: ({ items, ...page }) => ({ ...page, items: items.map(toAgreement) }),
    refusals: seen,
  }),
  del(`${path}/:on`, {
    access: "signed-in",
    id: "liftReconciliation",
    summary: "Withdraw an agreement",
    description:
      "Only the newest agreement of an account can be withdrawn: withdraw later ones first. Rows that were quarantined because of it can be replayed afterwards.",
    input: LiftAgreement,
    handle: accounts.liftAgreement,
    success: 200,
    output: AccountView,
    present: toAccount,
    refusals: { ...seen, "agreement-not-found": 404, "agreement-invalid": 422, conflict: 409 },
  }),
];
