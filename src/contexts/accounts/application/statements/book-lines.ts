import type { Change } from "#kernel/change.ts";
import { CivilDate } from "#kernel/civil-date.ts";
import type { NewId } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import { Money } from "#kernel/money.ts";
import { expect } from "#kernel/result.ts";
import type { Mirror } from "../../domain/account.ts";
import { Entry } from "../../domain/entry.ts";
import type { AccountsEvent } from "../../domain/events.ts";
import { EntryId, type ImportId } from "../../domain/ids.ts";
import { Memo } from "../../domain/labels.ts";
import { Line } from "../../domain/line.ts";
import { maxMinor, Postings } from "../../domain/posting.ts";
import type { ToldBalance } from "../../domain/statement-import.ts";
import type { AccountsScope } from "../ports/scope.ts";
import type { BalanceTold, LineSum, Opening } from "../ports/statements.ts";

type Deps = { readonly newId: NewId };
type Booking = {
  readonly date: CivilDate;
  readonly amount: Money;
  readonly memo?: string | undefined;
  readonly reverses?: EntryId;
};

/** A line before and after a change. A new line has no state before it. */
export type LineChange = { readonly before?: Line | undefined; readonly after: Line };

/** Makes an entry of money that went into an account elsewhere, or out of it. */
const entryOf =
  ({ newId }: Deps, mirror: Mirror) =>
  ({ date, amount, memo, reverses }: Booking): Change<Entry, AccountsEvent> => {
    const postings = expect(
      Postings.balanced([
        { accountId: mirror.id, amount },
        { accountId: mirror.elsewhere.outsideId, amount: Money.negated(amount) },
      ]),
    );
    const said = memo === undefined ? undefined : Memo.parse(memo);
    return Entry.post({
      id: newId(EntryId),
      date,
      postings,
      tags: [],
      ...(said?.ok ? { memo: said.value } : {}),
      ...(reverses === undefined ? {} : { reverses }),
    });
  };

/** Collects entries, which leave together. */
function booking(deps: Deps, mirror: Mirror) {
  const make = entryOf(deps, mirror);
  const entries: Change<Entry, AccountsEvent>[] = [];
  const book = (money: Booking): EntryId => {
    const entry = make(money);
    entries.push(entry);
    return entry.state.id;
  };
  return { book, entries };
}

/** The line with its entry: what moves other money than before is reversed, and booked anew. */
function booked(book: (money: Booking) => EntryId, { before, after }: LineChange): Line {
  const { entryId: _, ...line } = after;
  const isBooked = before?.status === "booked";
  if (isBooked && Line.movesTheSame(before, after)) return { ...line, ...bookedBy(before) };
  if (isBooked && before.entryId !== undefined) {
    const { date, amount, entryId, counterparty: memo } = before;
    book({ date, amount: Money.negated(amount), memo, reverses: entryId });
  }
  if (after.status !== "booked") return line;
  const { date, amount, counterparty: memo } = after;
  return { ...line, entryId: book({ date, amount, memo }) };
}

const bookedBy = ({ entryId }: Line) => (entryId === undefined ? {} : { entryId });

/** Keeps lines, and the money that they move. */
export function bookLines(
  deps: Deps,
  scope: Pick<AccountsScope, "journal" | "lines">,
  {
    mirror,
    changes,
    now,
  }: { readonly mirror: Mirror; readonly changes: readonly LineChange[]; readonly now: Instant },
): void {
  const { book, entries } = booking(deps, mirror);
  const lines = changes.map((change) => booked(book, change));
  if (entries.length > 0) scope.journal.postAll(entries, now);
  if (lines.length > 0) scope.lines.put(lines);
}

type Balancing = {
  readonly mirror: Mirror;
  /** What the provider told of the earliest day. */
  readonly first: BalanceTold | undefined;
  /** Lines that this unit of work changes. */
  readonly changes?: readonly LineChange[];
  readonly now: Instant;
};

/** Whether an import came after the balance of a moment, which none of its lines can explain then. */
export const isLater = (importId: ImportId, told: BalanceTold | undefined): boolean =>
  told?.at !== undefined && importId > told.importId;

/** What lines sum to that a balance is of: those up to its day, or those that were told by then. */
async function explained(
  { lines }: Pick<AccountsScope, "lines">,
  { accountId, on, at, importId }: BalanceTold,
  changes: readonly LineChange[],
): Promise<LineSum> {
  return at === undefined
    ? changedSum(await lines.sum(accountId, on), changes, (line) => line.date <= on)
    : changedSum(await lines.sumTold(accountId, importId), changes, () => true);
}

/**
 * Makes an account say what its provider told of it first: what its lines do not explain is from before the first of them. Once a balance is
 * agreed, what it opened with stays.
 */
export async function openBalance(
  deps: Deps,
  scope: Pick<AccountsScope, "journal" | "lines" | "balances">,
  { mirror, first: told, changes = [], now }: Balancing,
): Promise<void> {
  if (mirror.agreedUntil !== undefined) return;
  const { balances } = scope;
  const before = await balances.opening(mirror.id);
  const wanted = told && openingOf(told, await explained(scope, told, changes));
  if (wanted?.amount.minor === before?.amount.minor && wanted?.date === before?.date) return;
  const { book, entries } = booking(deps, mirror);
  const memo = "Opening balance";
  if (before) {
    const { date, amount, entryId } = before;
    book({ date, amount: Money.negated(amount), memo, reverses: entryId });
    balances.unopen(mirror.id);
  }
  if (wanted)
    balances.open({ accountId: mirror.id, ...wanted, entryId: book({ ...wanted, memo }) });
  scope.journal.postAll(entries, now);
}

/** A sum of booked lines after changes, which are not kept yet. */
function changedSum(
  { minor, first }: LineSum,
  changes: readonly LineChange[],
  isOf: (line: Line) => boolean,
): LineSum {
  const counts = (line: Line | undefined): line is Line => line?.status === "booked" && isOf(line);
  const moved = changes.map(
    ({ before, after }) =>
      (counts(after) ? after.amount.minor : 0n) - (counts(before) ? before.amount.minor : 0n),
  );
  const days = changes.flatMap(({ after }) => (counts(after) ? [after.date] : []));
  const [earliest] = [...days, ...(first === undefined ? [] : [first])].toSorted();
  return {
    minor: moved.reduce((total, one) => total + one, minor),
    ...(earliest === undefined ? {} : { first: earliest }),
  };
}

/** Missing where lines explain all of a balance, or it is more than an entry may move: the difference stays to be seen. */
function openingOf(
  { on, amount }: ToldBalance,
  { minor, first }: LineSum,
): Pick<Opening, "date" | "amount"> | undefined {
  const left = Money.of(amount.minor - minor, amount.currency);
  const isBookable = left.minor !== 0n && left.minor <= maxMinor && left.minor >= -maxMinor;
  return !isBookable ? undefined : { date: CivilDate.plus(first ?? on, -1), amount: left };
}
