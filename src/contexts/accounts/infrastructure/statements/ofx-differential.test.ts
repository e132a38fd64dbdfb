import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "ofx-js";
import { systemTimers } from "#platform/system.ts";
import { statementFile } from "./statement-file.ts";

type Fields = Readonly<Record<string, string>>;

/** How a bank writes an element: its name, and what is around its value. */
type Habit = {
  readonly isClosed: boolean;
  readonly before: string;
  readonly after: string;
};

const spaces = fc.constantFrom("", " ", "\n", "\r\n", "\t");
const habits = fc.record<Habit>({ isClosed: fc.boolean(), before: spaces, after: spaces });
const letters = fc
  .string({
    unit: fc.constantFrom(
      "a",
      "B",
      "7",
      " ",
      "&",
      "<",
      ">",
      "é",
      "-",
      ".",
      ";",
      "'",
      '"',
      "#",
      "lt;",
    ),
    minLength: 1,
    maxLength: 24,
  })
  .map((text) => text.trim())
  .filter((text) => text !== "");
const id = fc.stringMatching(/^[A-Z0-9]{1,16}$/);
const transaction = fc.record(
  {
    TRNTYPE: fc.constantFrom("DEBIT", "CREDIT", "XFER"),
    DTPOSTED: fc.constantFrom("20260820", "20260820120000[0:GMT]", "20260820120000.000[-5:EST]"),
    TRNAMT: fc.constantFrom("-1.00", "+2,50", "1000000.99", "0"),
    FITID: id,
    NAME: letters,
    MEMO: letters,
    CHECKNUM: id,
    "CURRENCY.CURSYM": fc.constantFrom("USD", "EUR"),
  },
  { requiredKeys: ["TRNTYPE", "DTPOSTED", "TRNAMT", "FITID", "NAME"] },
);
const statement = fc.record({
  account: id,
  rows: fc.array(fc.tuple(transaction, fc.array(habits, { minLength: 8, maxLength: 8 })), {
    minLength: 1,
    maxLength: 6,
  }),
});
const header = fc.constantFrom(
  "OFXHEADER:100\nDATA:OFXSGML\nVERSION:102\nENCODING:UTF-8\nCHARSET:NONE\n\n",
  "\nOFXHEADER:100\r\nDATA:OFXSGML\r\nVERSION:102\r\nENCODING:UTF-8\r\nCHARSET:NONE\r\n",
);

const escaped = (text: string) =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

const leaf = (name: string, value: string, { isClosed, before, after }: Habit) =>
  `<${name}>${before}${escaped(value)}${after}${isClosed ? `</${name}>` : ""}`;

function written(fields: Fields, some: readonly Habit[]): string {
  const leaves = Object.entries(fields).map(([name, value], i) => {
    const [first = "", second] = name.split(".");
    const habit = some[i] ?? { isClosed: false, before: "", after: "" };
    return second === undefined
      ? leaf(first, value, habit)
      : `<${first}>${leaf(second, value, habit)}</${first}>`;
  });
  return `<STMTTRN>${leaves.join("")}</STMTTRN>\n`;
}

type Written = {
  readonly account: string;
  readonly rows: readonly (readonly [Fields, readonly Habit[]])[];
};

const fileOf = (head: string, statements: readonly Written[]): string =>
  `${head}<OFX><BANKMSGSRSV1>${statements
    .map(
      ({ account, rows }) =>
        `<STMTTRNRS><STMTRS><CURDEF>USD<BANKACCTFROM><BANKID>1<ACCTID>${account}<ACCTTYPE>CHECKING</BANKACCTFROM>` +
        `<BANKTRANLIST>${rows.map(([fields, some]) => written(fields, some)).join("")}</BANKTRANLIST></STMTRS></STMTTRNRS>`,
    )
    .join("")}</BANKMSGSRSV1></OFX>\n`;

async function* inOne(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}

/** What Basalt reads: rows, each with the number of its statement. */
async function readHere(content: string) {
  const rows: (readonly [statement: number, fields: Fields])[] = [];
  for await (const part of statementFile(inOne(content), systemTimers).parts) {
    assert.ok(part.ok, JSON.stringify(part));
    const { value } = part;
    if (value.kind === "rows")
      rows.push(...value.rows.map(({ raw }) => [value.statement, raw] as const));
  }
  return rows;
}

type Node = { readonly [name: string]: string | Node | readonly Node[] };
const inside = (node: Node, ...names: readonly string[]): Node =>
  names.reduce((found, name) => found[name] as Node, node);
const listed = (node: unknown): readonly Node[] => (Array.isArray(node) ? node : [node]) as Node[];

const flat = (node: Node, path = ""): Fields =>
  Object.fromEntries(
    Object.entries(node).flatMap(([name, value]) =>
      typeof value === "string"
        ? [[`${path}${name}`, value.trim()]]
        : Object.entries(flat(value as Node, `${path}${name}.`)),
    ),
  );

/** What `ofx-js` reads of the same file. */
async function readThere(content: string) {
  const document = (await parse(content)) as unknown as Node;
  return listed(inside(document, "OFX", "BANKMSGSRSV1")["STMTTRNRS"]).flatMap((one, statement) =>
    listed(inside(one, "STMTRS", "BANKTRANLIST")["STMTTRN"]).map(
      (row) => [statement, flat(row)] as const,
    ),
  );
}

test("files of statements say to Basalt what they say to another reader", async () => {
  await fc.assert(
    fc.asyncProperty(
      header,
      fc.array(statement, { minLength: 1, maxLength: 3 }),
      async (head, statements) => {
        const content = fileOf(head, statements);
        assert.deepEqual(await readHere(content), await readThere(content));
      },
    ),
    { numRuns: 150 },
  );
});
