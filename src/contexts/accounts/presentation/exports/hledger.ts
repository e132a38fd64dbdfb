import { Money } from "#kernel/money.ts";
import type { LedgerPage } from "../../application/ledger/export-ledger.ts";
import type { RecordedEntry } from "../../application/ports/journal.ts";
import type { Funded } from "../../domain/account.ts";
import type { Exchange } from "../../domain/exchange.ts";
import type { Accounts } from "../../domain/ledger.ts";
import { accountIn, rootOf } from "./accounts.ts";

const nameOf = ({ id, type }: Funded): string => `${rootOf[type]}:${type}:${id}`;

/** A semicolon begins a comment, and a bar divides a payee from a note. */
const described = (memo = "") => memo.replaceAll(/[;|]/g, ",");

/** A tag has a colon, and perhaps a value. */
const tagged = (tag: string) => (tag.includes(":") ? tag : `${tag}:`);

const quoteOf = ({ rate, source, quotedAt }: Exchange) =>
  `    ; rate ${rate} of ${quotedAt}, ${described(source).replaceAll(":", " ")}`;

function textOf(
  { date, id, memo, tags, postings, exchange }: RecordedEntry,
  accounts: Accounts,
): string {
  const lines = postings.map(({ accountId, amount }) => {
    const { amount: digits, currency } = Money.spell(amount);
    return `    ${nameOf(accountIn(accounts, accountId))}  ${digits} ${currency}`;
  });
  const comment = [
    ...(tags.length === 0 ? [] : [`    ; ${tags.map(tagged).join(", ")}`]),
    ...(exchange ? [quoteOf(exchange)] : []),
  ];
  return [`${date} * (${id}) ${described(memo)}`.trimEnd(), ...comment, ...lines, "", ""].join(
    "\n",
  );
}

/**
 * The journal as plain text. Amounts have all the digits of their currency, and no format is declared for a currency: hledger would
 * round by it, and not see a cent that is missing. Source: the manual of hledger, "Journal".
 */
export async function* hledgerOf(pages: AsyncIterable<LedgerPage>): AsyncGenerator<string> {
  for await (const { entries, accounts } of pages)
    yield entries.map((entry) => textOf(entry, accounts)).join("");
}
