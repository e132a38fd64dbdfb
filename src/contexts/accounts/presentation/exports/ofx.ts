import { Money, type SpelledMoney } from "#kernel/money.ts";
import type { Instant } from "#kernel/instant.ts";
import type { AccountHistory, LedgerExport } from "../../application/ledger/export-ledger.ts";
import type { StatementLine } from "../../application/ports/journal.ts";
import type { AccountId } from "../../domain/ids.ts";
import type { AccountType } from "../../domain/account-type.ts";

/** The types of accounts that OFX has. Source: OFX 2.2, 11.3.1.2. */
const typeOf: Readonly<Partial<Record<AccountType, string>>> = {
  savings: "SAVINGS",
  card: "CREDITLINE",
  loan: "CREDITLINE",
};

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;" };
const text = (value: string) => value.replaceAll(/[&<>]/g, (sign) => escapes[sign] ?? sign);
/** An element, with a value or with others in it. */
const element = (name: string, value: string) => `<${name}>${value}</${name}>`;

/** As in `20270131120000.000[0:GMT]`. */
const stamp = (at: Instant) =>
  `${at.slice(0, 19).replaceAll(/[-T:]/g, "")}.${at.slice(20, 23)}[0:GMT]`;

/** OFX allows 22 characters: the end of an id, which has all that is random in it. */
const shortened = (id: AccountId) => id.slice(-22);

const movement = ({ sequence, recordedAt, entryId, memo, amount }: StatementLine) =>
  element(
    "STMTTRN",
    [
      element("TRNTYPE", Money.isNegative(amount) ? "DEBIT" : "CREDIT"),
      element("DTPOSTED", stamp(recordedAt)),
      element("TRNAMT", Money.spell(amount).amount),
      element("FITID", `${entryId}-${sequence}`),
      ...(memo === undefined ? [] : [element("MEMO", text(memo))]),
    ].join(""),
  ) + "\n";

const balance = ({ amount }: SpelledMoney, at: Instant) =>
  element("LEDGERBAL", element("BALAMT", amount) + element("DTASOF", stamp(at)));

const status = element("STATUS", element("CODE", "0") + element("SEVERITY", "INFO"));

async function* statementOf({ account, lines }: AccountHistory, at: Instant) {
  const { id, type, currency, openedAt } = account;
  const from = [
    element("BANKID", "basalt"),
    element("ACCTID", shortened(id)),
    element("ACCTTYPE", typeOf[type] ?? "CHECKING"),
  ];
  yield `<STMTTRNRS>${element("TRNUID", id)}${status}<STMTRS>${element("CURDEF", currency)}`;
  yield element("BANKACCTFROM", from.join(""));
  yield `<BANKTRANLIST>${element("DTSTART", stamp(openedAt))}${element("DTEND", stamp(at))}\n`;
  let after = Money.of(0n, currency);
  for await (const page of lines) {
    yield page.map(movement).join("");
    after = page.at(-1)?.balance ?? after;
  }
  yield `</BANKTRANLIST>${balance(Money.spell(after), at)}</STMTRS></STMTTRNRS>\n`;
}

const header =
  '<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' +
  '<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>\n';

/** The statements of all accounts that have an owner: those of the book are no accounts at a bank. Source: OFX 2.2, 2.2 and 11.4. */
export async function* ofxOf({ at, histories }: LedgerExport): AsyncGenerator<string> {
  const signOn = element(
    "SONRS",
    status + element("DTSERVER", stamp(at)) + element("LANGUAGE", "ENG"),
  );
  yield `${header}<OFX>${element("SIGNONMSGSRSV1", signOn)}<BANKMSGSRSV1>\n`;
  for await (const history of histories())
    if (history.account.ownerId !== undefined) yield* statementOf(history, at);
  yield "</BANKMSGSRSV1></OFX>\n";
}
