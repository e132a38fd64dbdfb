import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { branded, list, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { maxLegs } from "../../domain/events.ts";
import { AccountId, EntryId, TransferId } from "../../domain/ids.ts";
import { Memo, Tags } from "../../domain/labels.ts";
import { Ledger, type Accounts, type MovementRefused } from "../../domain/ledger.ts";
import {
  Transfer,
  type Leg,
  type Terms,
  type TransferExists,
  type TransferInvalid,
} from "../../domain/transfer.ts";
import { dateOf, type DateInvalid } from "../ledger/dates.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { mayTake } from "./may-take.ts";

/** For how many seconds money is held: up to 30 days. */
export type HoldS = Brand<number, "HoldS">;
export const HoldS = branded<HoldS>("number of seconds", {
  schema: { type: "integer", minimum: 1, maximum: 2_592_000 },
});
const secondMs = 1_000;

/** `id` makes a repeated request harmless. With `holdS` the money is held at first; another `date` than today is for bookkeepers. */
export const MakeTransfer = shape({
  id: optional(TransferId),
  legs: list(shape({ from: AccountId, to: AccountId, amount: Money }), maxLegs),
  holdS: optional(HoldS),
  date: optional(CivilDate),
  memo: optional(Memo),
  tags: optional(Tags),
});
export type MakeTransfer = Infer<typeof MakeTransfer>;

/** `isRepeated`: it was made by an earlier request. */
export type TransferMade = { readonly transfer: Transfer; readonly isRepeated: boolean };

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Refusal =
  | TransferInvalid
  | TransferExists
  | MovementRefused
  | DateInvalid
  | Forbidden
  | Conflict;
type Outcome = Result<TransferMade, Refusal>;

const accountsOf = (legs: readonly Leg[]) => [
  ...new Set(legs.flatMap(({ from, to }) => [from, to])),
];

/** Moves money between accounts, or holds it for a time. Only from accounts that the actor may take from. */
export function makeTransfer({ unitOfWork, mayAct, clock, newId }: Deps) {
  const allowedToTake = mayTake(mayAct);
  return async (
    { id: asked, legs, holdS, date: wanted, memo, tags = [] }: MakeTransfer,
    context: Context,
  ): Promise<Outcome> => {
    const { actor } = context;
    const said: Terms = {
      id: asked ?? newId(TransferId),
      legs,
      ...(memo === undefined ? {} : { memo }),
      tags,
      madeBy: actor,
      ...(holdS === undefined ? {} : { holdS }),
      ...(wanted === undefined ? {} : { date: wanted }),
    };
    const terms = Transfer.checked(said);
    if (!terms.ok) return terms;
    if (wanted !== undefined) {
      const allowed = await mayAct(context, Permissions.postEntry);
      if (!allowed.ok) return allowed;
    }

    return unitOfWork(context, async (scope): Promise<Outcome> => {
      const [before, known] = await Promise.all([
        scope.accounts.byIds(accountsOf(legs)),
        asked === undefined ? undefined : scope.transfers.byId(asked),
      ]);
      const allowed = await allowedToTake(before, legs, context);
      if (!allowed.ok) return allowed;
      if (known) {
        const same = Transfer.repeated(known, terms.value);
        return same.ok ? ok({ transfer: same.value, isRepeated: true }) : same;
      }
      const outside = Transfer.outsideTrading(terms.value, before);
      if (!outside.ok) return outside;
      const now = clock.now();
      return holdS === undefined
        ? atOnce(scope, terms.value, { before, now, wanted, entryId: newId(EntryId) })
        : held(scope, terms.value, { before, now, holdS });
    });
  };
}

type Situation = { readonly before: Accounts; readonly now: Instant };

function atOnce(
  { journal, transfers }: AccountsScope,
  terms: Terms,
  {
    before,
    now,
    wanted,
    entryId,
  }: Situation & { readonly wanted: CivilDate | undefined; readonly entryId: EntryId },
): Outcome {
  const date = dateOf(wanted, before, now);
  if (!date.ok) return date;
  const made = Transfer.make(terms, { entryId, date: date.value });
  const movements = Transfer.movements.atOnce(made.state);
  const moved = Ledger.move(before, movements);
  if (!moved.ok) return moved;
  const entry = Transfer.entry(made.state);
  journal.move(movements, { at: now, date: date.value, transferId: terms.id, entry });
  return ok({ transfer: transfers.save(made), isRepeated: false });
}

function held(
  { journal, transfers }: AccountsScope,
  terms: Terms,
  { before, now, holdS }: Situation & { readonly holdS: HoldS },
): Outcome {
  const hold = Transfer.hold(terms, Instant.plus(now, holdS * secondMs));
  const movements = Transfer.movements.held(hold.state);
  const moved = Ledger.move(before, [...movements, ...Transfer.movements.promised(hold.state)]);
  if (!moved.ok) return moved;
  journal.move(movements, { at: now, date: CivilDate.ofInstant(now), transferId: terms.id });
  return ok({ transfer: transfers.save(hold), isRepeated: false });
}
