import { CivilDate } from "#kernel/civil-date.ts";
import { Money } from "#kernel/money.ts";
import type { LedgerPage } from "../../application/ledger/export-ledger.ts";
import type { RecordedEntry } from "../../application/ports/journal.ts";
import type { Funded } from "../../domain/account.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { Exchange } from "../../domain/exchange.ts";
import type { Accounts } from "../../domain/ledger.ts";
import { accountIn, rootOf } from "./accounts.ts";

const capitalised = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);

/** Parts of a name begin with a capital letter or a digit and have no underscore, so the prefix of the id is left out. */
const nameOf = ({ id, type }: Funded): string =>
  [rootOf[type], type]
    .map(capitalised)
    .concat(id.replace(/^account_/, ""))
    .join(":");

const quoted = (text: string) => `"${text.replaceAll(/["\\]/g, (sign) => `\\${sign}`)}"`;

/** A tag has no colon. */
const tagged = (tag: string) => ` #${tag.replaceAll(":", "/")}`;

const quoteOf = ({ rate, source, quotedAt }: Exchange) => [
  `  rate: ${rate}`,
  `  source: ${quoted(source)}`,
  `  quoted_at: "${quotedAt}"`,
];

function textOf(
  { date, id, memo, tags, postings, exchange }: RecordedEntry,
  accounts: Accounts,
): string {
  const lines = postings.map(({ accountId, amount }) => {
    const { amount: digits, currency } = Money.spell(amount);
    return `  ${nameOf(accountIn(accounts, accountId))}  ${digits} ${currency}`;
  });
  const head = `${date} * ${quoted(memo ?? "")}${tags.map(tagged).join("")}`;
  const about = [`  entry: "${id}"`, ...(exchange ? quoteOf(exchange) : [])];
  return [head, ...about, ...lines, "", ""].join("\n");
}

/** Accounts of a currency pair take entries of any day. */
const always = "1970-01-01";
const opening = (account: Funded): string =>
  `${account.pair === undefined ? CivilDate.ofInstant(account.openedAt) : always} open ${nameOf(account)} ${account.currency}\n`;

/** Every amount is exact. */
const exact = 'option "inferred_tolerance_multiplier" "0"\n\n';

/** The journal for Beancount, in which each account is opened before its first entry. Source: "Beancount Language Syntax". */
export async function* beancountOf(pages: AsyncIterable<LedgerPage>): AsyncGenerator<string> {
  const opened = new Set<AccountId>();
  yield exact;
  for await (const { entries, accounts } of pages) {
    const unseen = [...accounts.values()].filter(({ id }) => !opened.has(id));
    for (const { id } of unseen) opened.add(id);
    yield unseen.map(opening).join("");
    yield entries.map((entry) => textOf(entry, accounts)).join("");
  }
}
