/** A row of a bank's file. */
export type BankRow = {
  readonly id?: string;
  readonly date: string;
  readonly amount: string;
  readonly name?: string;
  readonly memo?: string;
  readonly more?: string;
};

type BankFile = {
  readonly rows: readonly BankRow[];
  readonly account?: string;
  readonly balance?: readonly [amount: string, date: string];
  readonly currency?: string;
};

const escaped = (text: string) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");

const rowOf = ({ id, date, amount, name = "Corner shop", memo, more = "" }: BankRow) =>
  `<STMTTRN><TRNTYPE>DEBIT<DTPOSTED>${date.replaceAll("-", "")}120000[0:GMT]<TRNAMT>${amount}` +
  `${id === undefined ? "" : `<FITID>${id}`}<NAME>${escaped(name)}` +
  `${memo === undefined ? "" : `<MEMO>${escaped(memo)}`}${more}</STMTTRN>`;

/** A statement of a checking account. */
export const statementOf = ({
  rows,
  account = "111122223333",
  balance,
  currency = "USD",
}: BankFile): string =>
  `<STMTTRNRS><TRNUID>1<STATUS><CODE>0<SEVERITY>INFO</STATUS><STMTRS><CURDEF>${currency}` +
  `<BANKACCTFROM><BANKID>021000021<ACCTID>${account}<ACCTTYPE>CHECKING</BANKACCTFROM>` +
  `<BANKTRANLIST><DTSTART>20260101<DTEND>20261231\n${rows.map(rowOf).join("\n")}\n</BANKTRANLIST>` +
  (balance
    ? `<LEDGERBAL><BALAMT>${balance[0]}<DTASOF>${balance[1].replaceAll("-", "")}</LEDGERBAL>`
    : "") +
  "</STMTRS></STMTTRNRS>";

const header =
  "\nOFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nSECURITY:NONE\nENCODING:USASCII\nCHARSET:1252\n" +
  "COMPRESSION:NONE\nOLDFILEUID:NONE\nNEWFILEUID:NONE\n";

/** A file as Chase writes it: SGML without closing tags, after an empty line. */
export const ofxOf = (...statements: readonly string[]): string =>
  `${header}<OFX><SIGNONMSGSRSV1><SONRS><STATUS><CODE>0<SEVERITY>INFO</STATUS><DTSERVER>20260820` +
  `<LANGUAGE>ENG<FI><ORG>B1<FID>10898</FI></SONRS></SIGNONMSGSRSV1>` +
  `<BANKMSGSRSV1>${statements.join("")}</BANKMSGSRSV1></OFX>\n`;

export const ofx = (file: BankFile): string => ofxOf(statementOf(file));
