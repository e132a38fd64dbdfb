import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import { pageOf, pageSize, type Page } from "#kernel/page.ts";
import { Money } from "#kernel/money.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, oneOf, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { AccountNotFound } from "../../domain/account.ts";
import type { EntryNotFound } from "../../domain/entry.ts";
import { AccountId, EntryId } from "../../domain/ids.ts";
import { permitted } from "../accounts/owned-account.ts";
import { Permissions } from "../permission.ts";
import type { RecordedEntry, StatementLine, TrialLine } from "../ports/journal.ts";
import type { AccountsScope } from "../ports/scope.ts";

export const StatementPageSize = pageSize({ usual: 50, most: 500 });
export const TrialPageSize = pageSize({ usual: 100, most: 1_000 });

/** The number of a line among those of its account. */
export type LineNumber = Brand<number, "LineNumber">;
export const LineNumber = branded<LineNumber>("line number", {
  schema: { type: "integer", minimum: 1, maximum: Number.MAX_SAFE_INTEGER },
});

/** Lines that were recorded from `from` on and before `until`, the newest first unless said. */
export const GetStatement = shape({
  accountId: AccountId,
  from: optional(Instant),
  until: optional(Instant),
  order: optional(oneOf("newest", "oldest")),
  limit: optional(StatementPageSize),
  cursor: optional(LineNumber),
});
export type GetStatement = Infer<typeof GetStatement>;

export const GetEntry = shape({ entryId: EntryId });
export type GetEntry = Infer<typeof GetEntry>;

/** At an instant, now by default. */
export const GetTrialBalance = shape({
  at: optional(Instant),
  limit: optional(TrialPageSize),
  cursor: optional(AccountId),
});
export type GetTrialBalance = Infer<typeof GetTrialBalance>;

/** `totals`: the sums of all accounts, which are zero in a book that balances. */
export type TrialBalance = Page<TrialLine, AccountId> & {
  readonly at: Instant;
  readonly totals: readonly Money[];
};

type Deps = {
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
};

/** The postings of an account with its balance after each. */
export function getStatement({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.readAccount);
  type Outcome = Result<Page<StatementLine, LineNumber>, AccountNotFound | Forbidden>;
  return async (
    {
      accountId,
      limit = StatementPageSize.usual,
      order = "newest",
      cursor,
      ...period
    }: GetStatement,
    context: Context,
  ): Promise<Outcome> =>
    read(context, async ({ accounts, journal }): Promise<Outcome> => {
      const visible = await seen(await accounts.byId(accountId), accountId, context);
      if (!visible.ok) return visible;
      const page = { accountId, order, beyond: cursor, limit: limit + 1, ...period };
      const found = await journal.statement(page);
      return ok(pageOf(found, limit, ({ sequence }) => sequence as LineNumber));
    });
}

export function getEntry({ read, mayAct }: Deps) {
  return async (
    { entryId }: GetEntry,
    context: Context,
  ): Promise<Result<RecordedEntry, EntryNotFound | Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readEntry);
    if (!allowed.ok) return allowed;
    const entry = await read(context, ({ journal }) => journal.byId(entryId));
    return entry ? ok(entry) : err({ type: "entry-not-found", entryId });
  };
}

/** Returns the balances of all accounts at an instant. */
export function getTrialBalance({ read, mayAct, clock }: Deps) {
  return async (
    { at = clock.now(), limit = TrialPageSize.usual, cursor }: GetTrialBalance,
    context: Context,
  ): Promise<Result<TrialBalance, Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readLedger);
    if (!allowed.ok) return allowed;
    return read(context, async ({ journal }) => {
      const [found, totals] = await Promise.all([
        journal.trial({ at, after: cursor, limit: limit + 1 }),
        journal.totals(at),
      ]);
      return ok({ ...pageOf(found, limit, ({ accountId }) => accountId), at, totals });
    });
  };
}
