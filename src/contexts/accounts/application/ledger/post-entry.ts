import { CivilDate } from "#kernel/civil-date.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock, Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { list, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { Entry, type EntryNotFound, type NotReversible } from "../../domain/entry.ts";
import { AccountId, EntryId } from "../../domain/ids.ts";
import { Memo, Tags } from "../../domain/labels.ts";
import { Ledger, type MovementRefused } from "../../domain/ledger.ts";
import { maxPostings, Postings, type Posting, type PostingsInvalid } from "../../domain/posting.ts";
import { Permissions } from "../permission.ts";
import type { AccountsScope } from "../ports/scope.ts";
import { dateOf, type DateInvalid } from "./dates.ts";

/** Dated today unless said. */
export const PostEntry = shape({
  postings: list(shape({ accountId: AccountId, amount: Money }), maxPostings),
  date: optional(CivilDate),
  memo: optional(Memo),
  tags: optional(Tags),
});
export type PostEntry = Infer<typeof PostEntry>;

export const ReverseEntry = shape({
  entryId: EntryId,
  date: optional(CivilDate),
  memo: optional(Memo),
});
export type ReverseEntry = Infer<typeof ReverseEntry>;

type Deps = {
  readonly unitOfWork: UnitOfWork<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};

type When = { readonly wanted: CivilDate | undefined; readonly now: Instant };

/** The date of an entry, if its accounts can take its postings. */
export async function takenOn(
  accounts: AccountsScope["accounts"],
  postings: readonly Posting[],
  { wanted, now }: When,
): Promise<Result<CivilDate, MovementRefused | DateInvalid>> {
  const before = await accounts.byIds(Postings.accounts(postings));
  const moved = Ledger.move(before, Postings.movements(postings));
  return moved.ok ? dateOf(wanted, before, now) : moved;
}

/** Posts an entry to the journal, which moves the money of its accounts. */
export function postEntry({ unitOfWork, mayAct, clock, newId }: Deps) {
  type Outcome = Result<
    Entry,
    PostingsInvalid | MovementRefused | DateInvalid | Forbidden | Conflict
  >;
  return async (
    { postings, date: wanted, memo, tags = [] }: PostEntry,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.postEntry);
    if (!allowed.ok) return allowed;
    const balanced = Postings.balanced(postings);
    if (!balanced.ok) return balanced;

    return unitOfWork(context, async ({ accounts, journal }): Promise<Outcome> => {
      const now = clock.now();
      const date = await takenOn(accounts, balanced.value, { wanted, now });
      if (!date.ok) return date;

      const entry = Entry.post({
        id: newId(EntryId),
        date: date.value,
        postings: balanced.value,
        ...(memo === undefined ? {} : { memo }),
        tags,
      });
      journal.post(entry, now);
      return ok(entry.state);
    });
  };
}

/** Posts an entry that undoes another, which stays. */
export function reverseEntry({ unitOfWork, mayAct, clock, newId }: Deps) {
  type Outcome = Result<
    Entry,
    EntryNotFound | NotReversible | MovementRefused | DateInvalid | Forbidden | Conflict
  >;
  return async (
    { entryId, date: wanted, memo }: ReverseEntry,
    context: Context,
  ): Promise<Outcome> => {
    const allowed = await mayAct(context, Permissions.postEntry);
    if (!allowed.ok) return allowed;
    return unitOfWork(context, async ({ accounts, journal }): Promise<Outcome> => {
      const entry = await journal.byId(entryId);
      if (!entry) return err({ type: "entry-not-found", entryId });
      const now = clock.now();
      const before = await accounts.byIds(Postings.accounts(entry.postings));
      const date = dateOf(wanted, before, now);
      if (!date.ok) return date;
      const reversal = Entry.reverse(entry, {
        id: newId(EntryId),
        date: date.value,
        ...(memo === undefined ? {} : { memo }),
      });
      if (!reversal.ok) return reversal;
      const moved = Ledger.move(before, Postings.movements(reversal.value.state.postings));
      if (!moved.ok) return moved;
      journal.post(reversal.value, now);
      return ok(reversal.value.state);
    });
  };
}
