import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { systemTimers } from "#platform/system.ts";
import type { FilePart, UploadInvalid } from "../../application/ports/providers.ts";
import { ofx, ofxOf, statementOf } from "../../testing/statement-files.ts";
import { bankFiles } from "./bank-files.ts";
import { statementFile } from "./statement-file.ts";

async function* inPieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function partsOf(content: string | Uint8Array, size = 1_000) {
  const parts: FilePart[] = [];
  const file = statementFile(inPieces(Buffer.from(content), size), systemTimers, 2 ** 20);
  for await (const part of file.parts) {
    if (!part.ok) return part.error;
    parts.push(part.value);
  }
  return parts;
}

const isRefused = (found: Awaited<ReturnType<typeof partsOf>>): found is UploadInvalid =>
  !Array.isArray(found);

/** What each row says, or why it cannot be read. */
async function rowsOf(content: string | Uint8Array, size?: number) {
  const parts = await partsOf(content, size);
  if (isRefused(parts)) throw new Error(parts.reason);
  const heads = parts.flatMap((part) => (part.kind === "statement" ? [part.head] : []));
  const [bank] = bankFiles;
  return parts.flatMap((part) =>
    part.kind === "rows"
      ? part.rows.map(({ raw }) => {
          const head = heads[part.statement];
          const read = bank?.observe(head?.format ?? "", raw, head?.currency);
          if (!read) throw new Error("there is no bank");
          return read.ok ? read.value : read.error;
        })
      : [],
  );
}

const coffee = { id: "1", date: "2026-08-03", amount: "-4.50", name: "Blue Coffee" };

test("a file is read the same, however it arrives", async () => {
  const letters = fc.string({
    unit: fc.constantFrom("a", "b", " ", "&", "<", "ß", ";", "é", "'"),
    minLength: 1,
    maxLength: 30,
  });
  const row = fc.record({
    id: fc.stringMatching(/^[A-Z0-9]{1,20}$/),
    date: fc.constantFrom("2026-01-31", "2024-02-29"),
    amount: fc.constantFrom("-1.00", "2,5", "1000000.99"),
    name: letters.filter((text) => text.trim() !== ""),
    memo: letters.filter((text) => text.trim() !== ""),
  });
  const named = (text: string) => text.replaceAll(/\s+/g, " ").trim();
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 5 }), fc.nat(60), async (rows, size) => {
      const found = await rowsOf(Buffer.from(ofx({ rows }), "latin1"), size + 1);
      assert.deepEqual(
        found.map((one) => "date" in one && [one.date, one.externalId, one.counterparty]),
        rows.map(({ date, id, name }) => [date, id, named(name)]),
      );
    }),
    { numRuns: 60 },
  );
});

test("closed tags, XML and small letters say the same as SGML", async () => {
  const xml =
    '<?xml version="1.0" encoding="UTF-8"?><?OFX OFXHEADER="200"?>' +
    "<OFX><BANKMSGSRSV1><STMTTRNRS><STMTRS><CURDEF>EUR</CURDEF><BANKACCTFROM><ACCTID>DE02 1203</ACCTID>" +
    "</BANKACCTFROM><banktranlist><stmttrn><dtposted>20260803</dtposted><TRNAMT>-4,50</TRNAMT>" +
    "<FITID>1</FITID><PAYEE><NAME>Caf&#233; &amp; Co</NAME></PAYEE></stmttrn></banktranlist>" +
    "</STMTRS></STMTTRNRS></BANKMSGSRSV1></OFX>";
  const [row] = await rowsOf(xml);
  assert.ok(row && "date" in row);
  assert.deepEqual(
    [row.date, row.amount.minor, row.counterparty, row.externalId],
    ["2026-08-03", -450n, "Café & Co", "1"],
  );
});

test("CDATA is text as it is written, and half a character is none", async () => {
  const name = "<![CDATA[A & B <C> &amp; D]]>";
  const file = ofx({ rows: [{ ...coffee, memo: "&#xD800;x" }] })
    .replace("Blue Coffee", name)
    .replace("&amp;#xD800;", "&#xD800;");
  for (const size of [1, 7, 1_000]) {
    const [row] = await rowsOf(file, size);
    assert.ok(row && "date" in row);
    assert.deepEqual([row.counterparty, row.remark], ["A & B <C> &amp; D", "\uFFFDx"]);
  }
});

test("a long header is read, wherever its pieces end", async () => {
  const header = `<?OFX OFXHEADER="200" VERSION="220" SECURITY="NONE" OLDFILEUID="NONE" NEWFILEUID="NONE"?>`;
  const body = ofx({ rows: [coffee] });
  const file = header + body.slice(body.indexOf("<OFX>"));
  for (const size of [1, 50, 90]) assert.equal((await rowsOf(file, size)).length, 1);
});

test("a file in Windows-1252 that says it is ASCII keeps its letters", async () => {
  const file = Buffer.from(ofx({ rows: [{ ...coffee, name: "Caf\u00E9 \u0080" }] }), "latin1");
  const [row] = await rowsOf(file);
  assert.equal(row && "date" in row && row.counterparty, "Café €");
});

test("each statement has its account, its rows and its balance", async () => {
  const file = ofxOf(
    statementOf({ rows: [coffee], balance: ["-12.30", "2026-08-20"] }),
    statementOf({ rows: [], account: "987" }),
  );
  const parts = await partsOf(file);
  assert.ok(!isRefused(parts));
  assert.deepEqual(
    parts.map((part) => (part.kind === "statement" ? part.head.externalId : part.kind)),
    ["021000021/111122223333", "rows", "balance", "021000021/987"],
  );
});

test("an amount in another currency than the account's is kept apart", async () => {
  const more = "<CURRENCY><CURRATE>1.1<CURSYM>GBP</CURRENCY>";
  const [row] = await rowsOf(ofx({ rows: [{ ...coffee, more }] }));
  assert.deepEqual(row && "reason" in row && row.reason, "other-currency");
  const original = "<ORIGCURRENCY><CURRATE>1.1<CURSYM>GBP</ORIGCURRENCY>";
  const [converted] = await rowsOf(ofx({ rows: [{ ...coffee, more: original }] }));
  assert.ok(converted && "date" in converted);
});

test("files that are no statements are refused with a reason", async () => {
  const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>';
  const refused: readonly (readonly [string, string | Uint8Array, UploadInvalid["reason"]])[] = [
    ["a workbook", Buffer.from("PK\u0003\u0004"), "workbook"],
    ["zeros", Buffer.alloc(5_000), "not-utf-8"],
    ["one endless tag", `<${"A".repeat(100_000)}`, "malformed"],
    ["one endless text", `<OFX><MEMO>${"a".repeat(100_000)}`, "record-too-long"],
    ["an endless header", "<".padStart(100_000, "OFXHEADER"), "malformed"],
    ["more bytes than a file may have", "<OFX>".padEnd(2 ** 20 + 1, "\n"), "too-many-bytes"],
    ["a file that was cut", ofx({ rows: [coffee] }).slice(0, -30), "broken-off"],
    ["investments", "<OFX><INVSTMTMSGSRSV1><INVSTMTTRNRS><INVSTMTRS>", "malformed"],
    [
      "a balance that nobody can read",
      ofx({ rows: [], balance: ["12,345.6.7", "2026-08-20"] }),
      "malformed",
    ],
    ["a row that is not closed", ofx({ rows: [coffee] }).replace("</STMTTRN>", ""), "malformed"],
    [
      "a statement that is not closed",
      ofx({ rows: [coffee] }).replace("</STMTRS>", ""),
      "malformed",
    ],
    [
      "a row of endless fields",
      ofx({
        rows: [{ ...coffee, more: Array.from({ length: 300 }, (_, i) => `<A${i}>x`).join("") }],
      }),
      "record-too-long",
    ],
    ["CSV of endless cells", `date,amount\n2026-01-01,1${",x".repeat(300)}`, "record-too-long"],
    ["HTML", "<html><body>Please sign in</body></html>", "broken-off"],
    ["CSV with one endless cell", `date,amount\n"${"x".repeat(300_000)}`, "record-too-long"],
  ];
  for (const [what, content, reason] of refused) {
    const found = await partsOf(content);
    assert.ok(isRefused(found), what);
    assert.equal(found.reason, reason, what);
  }
  const [row] = await rowsOf(
    bomb +
      ofx({ rows: [{ ...coffee, name: "x" }] })
        .trimStart()
        .replace(/^[^<]*/, ""),
  );
  assert.ok(row && "date" in row, "entities of a file are never expanded");
});

test("blanks before a file are none of it, up to so many that are kept", async () => {
  const file = ofx({ rows: [{ id: "1", date: "2026-08-03", amount: "-4.50" }] });
  assert.equal((await rowsOf(`${"\n".repeat(4_000)}${file}`)).length, 1);
  assert.ok(isRefused(await partsOf(`${"\n".repeat(20_000)}${file}`)));
});

test("CSV of any bank is read by the names of its columns", async () => {
  const csv =
    "Date;Amount;Payee;Note;ID;Currency\n03.08.2026;-4,50;Blue Coffee;black;a1;EUR\n2026-08-04;5;;;;EUR\n08/05/2026;1;;;;EUR\n";
  const found = await rowsOf(csv);
  assert.deepEqual(
    found.map((one) => ("date" in one ? [one.date, one.amount.minor, one.externalId] : one.reason)),
    [["2026-08-03", -450n, "a1"], ["2026-08-04", 500n, undefined], "date-invalid"],
  );
});
