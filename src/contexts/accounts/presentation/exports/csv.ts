import { Money } from "#kernel/money.ts";
import { writtenCell } from "#platform/spreadsheet-cell.ts";
import type { LedgerPage } from "../../application/ledger/export-ledger.ts";
import type { RecordedEntry } from "../../application/ports/journal.ts";
import type { Accounts } from "../../domain/ledger.ts";
import { accountIn } from "./accounts.ts";

/** Loaded for the first export. */
const writing = () => import("csv-stringify/sync");

const columns = [
  "entry",
  "date",
  "recorded_at",
  "account",
  "account_name",
  "account_type",
  "amount",
  "currency",
  "memo",
  "tags",
  "transfer",
  "reverses",
  "rate",
  "rate_source",
  "quoted_at",
];

const rowsOf = (
  { exchange, postings, ...entry }: RecordedEntry,
  accounts: Accounts,
): readonly (readonly string[])[] =>
  postings.map(({ accountId, amount: posted }) => {
    const { name, type } = accountIn(accounts, accountId);
    const { amount, currency } = Money.spell(posted);
    const { id, date, recordedAt, memo = "", tags, transferId = "", reverses = "" } = entry;
    const about = [id, date, recordedAt, accountId, name, type, amount, currency];
    const { rate = "", source = "", quotedAt = "" } = exchange ?? {};
    const more = [memo, tags.join(" "), transferId, reverses, rate, source, quotedAt];
    return [...about, ...more].map(writtenCell);
  });

/** Spreadsheets of some countries take these for separators. */
const quoting = { quoted_match: /[;\t]/ };

/** The journal as CSV (RFC 4180), a row for each posting. */
export async function* csvOf(pages: AsyncIterable<LedgerPage>): AsyncGenerator<string> {
  const { stringify } = await writing();
  yield stringify([columns], quoting);
  for await (const { entries, accounts } of pages)
    yield stringify(
      entries.flatMap((entry) => rowsOf(entry, accounts)),
      quoting,
    );
}
