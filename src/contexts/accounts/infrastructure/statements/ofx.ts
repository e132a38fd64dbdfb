import { Currency } from "#kernel/money.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { UploadUnreadable } from "#platform/http/uploaded-text.ts";
import type { FilePart, FileRow, UploadInvalid } from "../../application/ports/providers.ts";
import type { AccountType } from "../../domain/account-type.ts";
import { Mask } from "../../domain/labels.ts";
import { ExternalId } from "../../domain/observation.ts";
import type { StatementHead } from "../../domain/statement-import.ts";
import { dayOf, moneyOf, worded } from "./cells.ts";

/**
 * Elements that hold others. All others hold text, and may be left unclosed: OFX 1 is SGML. Source: OFX 1.6 and 2.2, chapters 2 and 11.
 */
const aggregates = new Set(
  (
    "OFX SIGNONMSGSRSV1 SONRS STATUS FI BANKMSGSRSV1 STMTTRNRS STMTRS BANKACCTFROM BANKTRANLIST STMTTRN " +
    "LEDGERBAL AVAILBAL CREDITCARDMSGSRSV1 CCSTMTTRNRS CCSTMTRS CCACCTFROM CURRENCY ORIGCURRENCY PAYEE " +
    "EXTDPAYEE BANKACCTTO CCACCTTO BALLIST BAL IMAGEDATA INVSTMTMSGSRSV1 INVSTMTTRNRS INVSTMTRS"
  ).split(" "),
);

/** Letters of a tag, of a text, and of the header at most. */
const [maxTag, maxText, maxHeader] = [80, 8_192, 4_096];
/** Fields of a row at most. */
const maxFields = 200;
const [cdata, cdataEnd] = ["<![CDATA[", "]]>"];

type Token =
  | { readonly kind: "open" | "close"; readonly tag: string; readonly line: number }
  | { readonly kind: "value"; readonly tag: string; readonly text: string };

const named: Readonly<Record<string, string>> = {
  amp: "&",
  lt: "<",
  gt: ">",
  quot: '"',
  apos: "'",
  nbsp: " ",
};

/** Entities that are defined here, and numbers; what a file defines by itself stays as it is written. */
const decoded = (text: string): string => decodedEntities(text).toWellFormed();
const decodedEntities = (text: string): string =>
  text.replaceAll(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(\w{2,4}));/gi, (all, decimal, hex, name) => {
    if (name !== undefined) return named[String(name).toLowerCase()] ?? all;
    const point = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return point > 0 && point <= 0x10_ff_ff ? String.fromCodePoint(point) : all;
  });

const malformed = (line: number) => new UploadUnreadable("malformed", line);
const lineBreaks = (text: string): number => text.split("\n").length - 1;

/** Tags and texts of OFX as they arrive. What a tag begins with that is left unclosed ends where the next tag begins. */
class Tokens {
  #buffer = "";
  #line = 1;
  #leaf: { readonly tag: string; text: string } | undefined;

  *push(text: string): Generator<Token> {
    this.#buffer += text;
    for (;;) {
      const at = this.#buffer.indexOf("<");
      if (at === -1) {
        this.#take(this.#buffer.length);
        return;
      }
      this.#take(at);
      // The beginning of a mark that ends otherwise than a tag may have arrived alone.
      if (this.#buffer.length < cdata.length && cdata.startsWith(this.#buffer)) return;
      const isCdata = this.#buffer.startsWith(cdata);
      const end = this.#buffer.indexOf(isCdata ? cdataEnd : ">");
      const most = isCdata ? maxText : /^<[?!]/.test(this.#buffer) ? maxHeader : maxTag;
      if ((end === -1 ? this.#buffer.length : end) > most) throw malformed(this.#line);
      if (end === -1) return;
      if (isCdata) {
        this.#literal(this.#buffer.slice(cdata.length, end));
        this.#buffer = this.#buffer.slice(end + cdataEnd.length);
        continue;
      }
      const tag = this.#buffer.slice(1, end).trim().toUpperCase();
      yield* this.#tag(tag);
      this.#line += lineBreaks(this.#buffer.slice(0, end));
      this.#buffer = this.#buffer.slice(end + 1);
    }
  }

  *#tag(tag: string): Generator<Token> {
    if (/^[?!]/.test(tag)) return;
    const leaf = this.#leaf;
    this.#leaf = undefined;
    if (leaf) yield { kind: "value", tag: leaf.tag, text: decoded(leaf.text).trim() };
    const isEnd = tag.startsWith("/");
    const name = isEnd ? tag.slice(1) : tag;
    if (aggregates.has(name)) yield { kind: isEnd ? "close" : "open", tag: name, line: this.#line };
    else if (!isEnd) this.#leaf = { tag: name, text: "" };
  }

  /** Text that is meant as it is written. */
  #literal(text: string): void {
    this.#line += lineBreaks(text);
    if (this.#leaf) this.#leaf.text += text.replaceAll("&", "&amp;");
  }

  /** Text before a tag: of the element that is open, or blanks between two. */
  #take(length: number): void {
    const text = this.#buffer.slice(0, length);
    this.#line += lineBreaks(text);
    this.#buffer = this.#buffer.slice(length);
    if (!this.#leaf) return;
    this.#leaf.text += text;
    if (this.#leaf.text.length > maxText) throw new UploadUnreadable("record-too-long", this.#line);
  }
}

const types: Readonly<Record<string, AccountType>> = {
  CHECKING: "checking",
  SAVINGS: "savings",
  MONEYMRKT: "savings",
  CD: "savings",
  CREDITLINE: "loan",
};

type Fields = Map<string, string>;

/** Who the account is, as its bank says. */
function headOf(account: Fields, currency: string | undefined, isCard: boolean): StatementHead {
  const number = (account.get("ACCTID") ?? "").replaceAll(/\s/g, "");
  const bank = account.get("BANKID") ?? "";
  const externalId = ExternalId.parse(bank === "" ? number : `${bank}/${number}`);
  const mask = Mask.parse(number.replaceAll(/[^0-9A-Za-z]/g, "").slice(-4));
  const known = Currency.parse((currency ?? "").trim().toUpperCase());
  return {
    format: "ofx",
    type: isCard ? "card" : (types[(account.get("ACCTTYPE") ?? "").toUpperCase()] ?? "other"),
    ...(number !== "" && externalId.ok ? { externalId: externalId.value } : {}),
    ...(mask.ok ? { mask: mask.value } : {}),
    ...(known.ok ? { currency: known.value } : {}),
  };
}

/** Rows that are handed on together. */
const batchRows = 500;

/** Statements from the tokens of a file. Elements that hold others are closed, each before the one that it is in: else rows would be lost. */
class Statements {
  readonly #path: string[] = [];
  #statement = -1;
  #isCard = false;
  #currency: string | undefined;
  #account: Fields = new Map();
  #row: { readonly fields: Fields; readonly line: number } | undefined;
  #rows: FileRow[] = [];
  #balance: Fields = new Map();
  #isSaid = false;
  isWhole = false;

  *take(token: Token): Generator<FilePart> {
    if (token.kind === "value") this.#value(token.tag, token.text);
    else if (token.kind === "open") yield* this.#open(token.tag, token.line);
    else yield* this.#close(token.tag, token.line);
  }

  *#open(tag: string, line: number): Generator<FilePart> {
    if (tag === "INVSTMTRS" || this.#path.includes(tag)) throw malformed(line);
    this.#path.push(tag);
    if (tag === "STMTRS" || tag === "CCSTMTRS") {
      this.#statement += 1;
      [this.#isCard, this.#isSaid, this.#currency] = [tag === "CCSTMTRS", false, undefined];
      [this.#account, this.#balance] = [new Map(), new Map()];
    }
    if (tag === "STMTTRN") {
      if (this.#statement === -1) throw malformed(line);
      yield* this.#say();
      this.#row = { fields: new Map(), line };
    }
  }

  *#close(tag: string, line: number): Generator<FilePart> {
    if (this.#path.pop() !== tag) throw malformed(line);
    if (tag === "OFX") this.isWhole = true;
    if (tag === "STMTTRN" && this.#row) {
      const { fields, line: begun } = this.#row;
      this.#row = undefined;
      const externalId = worded(ExternalId, fields.get("FITID"));
      const raw = Object.fromEntries(fields);
      this.#rows.push({ line: begun, raw, ...(externalId === undefined ? {} : { externalId }) });
      if (this.#rows.length >= batchRows) yield* this.#flush();
    }
    if (tag === "STMTRS" || tag === "CCSTMTRS") {
      yield* this.#say();
      yield* this.#flush();
      yield* this.#told(line);
    }
  }

  #value(tag: string, text: string): void {
    const inside = this.#path.at(-1);
    if (this.#row) {
      const name = inside === "STMTTRN" ? tag : `${inside}.${tag}`;
      if (text !== "") this.#row.fields.set(name, text);
      if (this.#row.fields.size > maxFields)
        throw new UploadUnreadable("record-too-long", this.#row.line);
    } else if (/^(ACCTID|BANKID|ACCTTYPE)$/.test(tag) && /^(BANK|CC)ACCTFROM$/.test(inside ?? ""))
      this.#account.set(tag, text);
    else if (inside === "LEDGERBAL" && /^(BALAMT|DTASOF)$/.test(tag)) this.#balance.set(tag, text);
    else if (tag === "CURDEF") this.#currency = text;
  }

  /** Says which statement it is, once, before anything else of it. */
  *#say(): Generator<FilePart> {
    if (this.#isSaid) return;
    this.#isSaid = true;
    const head = headOf(this.#account, this.#currency, this.#isCard);
    yield { kind: "statement", head };
  }

  *#flush(): Generator<FilePart> {
    const rows = this.#rows;
    this.#rows = [];
    if (rows.length > 0) yield { kind: "rows", statement: this.#statement, rows };
  }

  /** The balance, if the bank tells one. */
  *#told(line: number): Generator<FilePart> {
    const { currency } = headOf(this.#account, this.#currency, this.#isCard);
    const amount = this.#balance.get("BALAMT");
    if (amount === undefined || currency === undefined) return;
    const money = moneyOf(amount, currency, { field: "BALAMT", isPointDecimal: true });
    const on = dayOf(this.#balance.get("DTASOF"), ["ofx"], "DTASOF");
    if (!money.ok || !on.ok) throw malformed(line);
    yield {
      kind: "balance",
      statement: this.#statement,
      balance: { amount: money.value, on: on.value },
    };
  }
}

/** What an OFX file says, as it arrives. Throws `UploadUnreadable`. */
export async function* ofxParts(
  text: AsyncIterable<Buffer>,
): AsyncGenerator<Result<FilePart, UploadInvalid>> {
  const [tokens, statements] = [new Tokens(), new Statements()];
  let before = 0;
  let isBegun = false;
  for await (const piece of text) {
    const said = piece.toString();
    isBegun ||= said.includes("<");
    before += isBegun ? 0 : said.length;
    if (before > maxHeader) throw new UploadUnreadable("malformed", 1);
    for (const token of tokens.push(said))
      for (const part of statements.take(token)) yield ok(part);
  }
  if (!statements.isWhole) yield err({ type: "upload-invalid", reason: "broken-off" });
}
