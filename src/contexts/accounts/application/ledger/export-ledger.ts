import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import type { Funded } from "../../domain/account.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { Accounts } from "../../domain/ledger.ts";
import { Postings } from "../../domain/posting.ts";
import { Permissions } from "../permission.ts";
import type { RecordedEntry, StatementLine } from "../ports/journal.ts";
import type { AccountsScope } from "../ports/scope.ts";

/** `hledger` and `beancount` are plain text, `csv` has a row for each posting, `ofx` a statement for each account. */
export const ExportFormat = oneOf("hledger", "beancount", "csv", "ofx");
export type ExportFormat = Infer<typeof ExportFormat>;

export const ExportLedger = shape({ format: optional(ExportFormat) });
export type ExportLedger = Infer<typeof ExportLedger>;

/** Entries with the accounts of their postings. */
export type LedgerPage = {
  readonly entries: readonly RecordedEntry[];
  readonly accounts: Accounts;
};

/** An account with its statement, oldest line first, in pages. */
export type AccountHistory = {
  readonly account: Funded;
  readonly lines: AsyncIterable<readonly StatementLine[]>;
};

/** The whole ledger: by its entries in the order of their making, or by its accounts in the order of their opening. */
export type LedgerExport = {
  readonly format: ExportFormat;
  readonly at: Instant;
  readonly entries: () => AsyncIterable<LedgerPage>;
  readonly histories: () => AsyncIterable<AccountHistory>;
};

/** Entries or accounts that are read at once, unless said: an entry may have a thousand postings. */
const defaultBatch = 50;
/** Each question of an export has time of its own. */
const stepMs = 10_000;

type Deps = {
  readonly read: Read<AccountsScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly exportBatch?: number;
};

/** Pages, each asked for after the last item of the one before. A page that is not full is the last one. */
async function* pages<Item>(
  ask: (after: Item | undefined) => Promise<readonly Item[]>,
  batch: number,
): AsyncGenerator<readonly Item[]> {
  for (let last: Item | undefined, isLast = false; !isLast;) {
    const page = await ask(last);
    yield page;
    last = page.at(-1);
    isLast = page.length < batch;
  }
}

export function exportLedger({ read, mayAct, clock, exportBatch: batch = defaultBatch }: Deps) {
  const asking =
    (context: Context) =>
    <T>(query: (scope: AccountsScope) => Promise<T>) =>
      read({ ...context, deadlineMs: clock.unixMs() + stepMs }, query);
  type Ask = ReturnType<typeof asking>;

  async function* entries(ask: Ask): AsyncGenerator<LedgerPage> {
    const after = (last: RecordedEntry | undefined) =>
      ask(({ journal }) => journal.page(last?.id, batch));
    for await (const page of pages(after, batch)) {
      const ids = Postings.accounts(page.flatMap(({ postings }) => postings));
      yield { entries: page, accounts: await ask(({ accounts }) => accounts.byIds(ids)) };
    }
  }
  const linesOf = (ask: Ask, accountId: AccountId, until: Instant) =>
    pages<StatementLine>(
      (last) =>
        ask(({ journal }) => {
          const beyond = last?.sequence;
          return journal.statement({ accountId, until, order: "oldest", beyond, limit: batch });
        }),
      batch,
    );
  async function* histories(ask: Ask, until: Instant): AsyncGenerator<AccountHistory> {
    const after = (last: Funded | undefined) =>
      ask(({ accounts }) => accounts.page({ after: last?.id, limit: batch }));
    for await (const page of pages(after, batch))
      for (const account of page) yield { account, lines: linesOf(ask, account.id, until) };
  }

  return async (
    { format = "hledger" }: ExportLedger,
    context: Context,
  ): Promise<Result<LedgerExport, Forbidden>> => {
    const allowed = await mayAct(context, Permissions.readLedger);
    if (!allowed.ok) return allowed;
    const ask = asking(context);
    const at = clock.now();
    return ok({
      format,
      at,
      entries: () => entries(ask),
      histories: () => histories(ask, Instant.plus(at, 1)),
    });
  };
}
