import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Cells } from "../application/ports/imports.ts";
import { systemTimers as timers } from "#platform/system.ts";
import { csvOf, uploadedCsv } from "./csv.ts";

async function* chunksOf(text: string, size = 7): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text);
  for (let from = 0; from < bytes.length; from += size) yield bytes.subarray(from, from + size);
}

async function readAll(body: AsyncIterable<Uint8Array>) {
  const upload = uploadedCsv(body, timers);
  const rows: { readonly line: number; readonly cells: Cells }[] = [];
  const parts: number[] = [];
  for await (const part of upload.parts) {
    if (!part.ok) return { rows, parts, error: part.error, digest: upload.digest() };
    rows.push(...part.value.rows);
    parts.push(part.value.rows.length);
  }
  return { rows, parts, error: undefined, digest: upload.digest() };
}
const read = (text: string) => readAll(chunksOf(text));

async function written(columns: readonly string[], rows: readonly Cells[]): Promise<string> {
  async function* some() {
    yield rows;
  }
  let text = "";
  for await (const part of csvOf({ columns, rows: some() })) text += part;
  return text;
}

test("rows are read with their lines: quotes, breaks in quotes, a BOM, any line ends", async () => {
  const text = '\u{feff}Slug , name\r\na,"say ""hi"""\r\n\r\nb,"two\r\nlines"\r\nc,é\r\n';
  const { rows, error } = await read(text);
  assert.equal(error, undefined);
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      { slug: "a", name: 'say "hi"' },
      { slug: "b", name: "two\r\nlines" },
      { slug: "c", name: "é" },
    ],
  );
  assert.deepEqual(
    rows.map(({ line }) => line),
    [2, 4, 6],
  );
});

test("a file that arrives at once lets the event loop go on, though it is all line breaks", async () => {
  let turns = 0;
  const turn = () => {
    turns += 1;
    return timers.turn();
  };
  async function* body() {
    yield Buffer.from(`sku\n${"\n".repeat(1_000_000)}a\n`);
  }
  const rows = [];
  for await (const part of uploadedCsv(body(), { ...timers, turn }).parts)
    if (part.ok) rows.push(...part.value.rows);

  assert.deepEqual(rows, [{ line: 1_000_002, cells: { sku: "a" } }]);
  assert.ok(turns > 60, `${turns} turns`);
});

test("a quote that opens or ends no cell is malformed, with its line", async () => {
  for (const text of ['a\nx\n27" screen\n', 'a\nx\n"y"z\n', 'a\nx\n"never closed'])
    for (const size of [1, 7, 10_000]) {
      const { error } = await readAll(chunksOf(text, size));
      assert.deepEqual(error, { type: "upload-invalid", reason: "malformed", line: 3 }, text);
    }
});

const german = "sku;on_hand;note\r\nA;1;Größe – 5 €\r\nB;2;x\r\n";
const rowsOf = [
  { sku: "A", on_hand: "1", note: "Größe – 5 €" },
  { sku: "B", on_hand: "2", note: "x" },
];
const utf16le = (text: string) => Buffer.from(`\u{feff}${text}`, "utf16le");
const windows = (text: string) =>
  Buffer.from(text.replaceAll("–", "\u0096").replaceAll("€", "\u0080"), "latin1");

test("recognises how spreadsheets write files: encodings, separators, in chunks of any size", async () => {
  const files: readonly (readonly [string, Uint8Array, string, string])[] = [
    ["UTF-8", Buffer.from(german), "utf-8", ";"],
    ["UTF-8 with a mark", Buffer.from(`\u{feff}${german}`), "utf-8", ";"],
    ["Windows-1252", windows(german), "windows-1252", ";"],
    ["UTF-16", utf16le(german.replaceAll(";", "\t")), "utf-16le", "\t"],
    ["big-endian UTF-16", utf16le(german).swap16(), "utf-16be", ";"],
    ["a line that says so", Buffer.from(`sep=;\r\n${german}`), "utf-8", ";"],
  ];
  for (const [what, bytes, encoding, separator] of files)
    for (const size of [1, 3, 10_000]) {
      async function* body() {
        for (let from = 0; from < bytes.length; from += size)
          yield bytes.subarray(from, from + size);
      }
      const upload = uploadedCsv(body(), timers);
      const found = [];
      for await (const part of upload.parts) if (part.ok) found.push(...part.value.rows);
      assert.deepEqual(
        found.map(({ cells }) => cells),
        rowsOf,
        `${what}, ${size} bytes`,
      );
      assert.equal(found[0]?.line, what.startsWith("a line") ? 3 : 2);
      assert.deepEqual(upload.dialect(), { encoding, separator });
    }
});

test("rows of separators alone are skipped, and a workbook is recognised", async () => {
  const { rows } = await read("sku;on_hand\nA;1\n;;;\n ; \nB;2\n");
  assert.deepEqual(
    rows.map(({ line, cells }) => [line, cells["sku"]]),
    [
      [2, "A"],
      [5, "B"],
    ],
  );
  assert.equal((await read("PK\u0003\u0004rest")).error?.reason, "workbook");
});

test("cells with separators of any country are quoted", async () => {
  const text = await written(["a", "b"], [{ a: "x;y", b: "1\t2" }]);
  assert.equal(text, 'a,b\n"x;y","1\t2"\n');
});

test("names of columns may be written freely, and empty columns at the end are none", async () => {
  const { rows, parts } = await read('"SKU ", On Hand ,,\na,1,,\nb,2,,more\n');
  assert.equal(parts.length, 2);
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [
      { sku: "a", on_hand: "1" },
      { sku: "b", on_hand: "2", "column 4": "more" },
    ],
  );
});

test("marks a row with too few or too many cells", async () => {
  const { rows } = await read("a,b\n1\n1,2,3\n");
  assert.deepEqual(
    rows.map(({ cells }) => cells),
    [{ a: "1" }, { a: "1", b: "2", "column 3": "3" }],
  );
});

test("rows are handed on as soon as they are many or long, and the columns before them", async () => {
  const { parts } = await readAll(chunksOf(`a\n${"1\n".repeat(1_200)}`, 1_000));
  assert.deepEqual(parts, [0, 500, 500, 200]);
  const long = `${"x".repeat(100_000)}\n`;
  assert.deepEqual(
    (await readAll(chunksOf(`a\n${long.repeat(25)}`, 2 ** 16))).parts,
    [0, 11, 11, 3],
  );
});

test("cells beyond the columns are not kept, but for one", async () => {
  const { rows } = await readAll(chunksOf(`a\n1${",2".repeat(60_000)}\n`, 2 ** 16));
  assert.deepEqual(rows, [{ line: 2, cells: { a: "1", "column 2": "2" } }]);
});

test("a file that stops to be UTF-8 is refused, and so is one that is no text", async () => {
  async function* chunks(...bytes: readonly number[]): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a\né\n");
    yield Uint8Array.from(bytes);
  }
  assert.equal((await readAll(chunks(0x43, 0xe9, 0x0a))).error?.reason, "not-utf-8", "Latin-1");
  assert.equal((await readAll(chunks(0x43, 0xc3))).error?.reason, "not-utf-8", "half a letter");
  assert.equal((await read("a\nx\0y\n")).error?.reason, "not-utf-8", "NUL");
  assert.equal((await readAll(chunksOf("a\né€\u{20000}\n", 1))).error, undefined);
});

test("ends the file with the line that cannot be parsed", async () => {
  const { error, rows } = await read('a,b\n1,2\n3,"x"y\n');
  assert.deepEqual([error?.reason, error?.line], ["malformed", 3]);
  assert.equal(rows.length, 0, "nothing of a batch that broke is handed on");
  assert.equal((await read('a,b\n1,"never closed')).error?.reason, "malformed");
});

test("a line without an end is refused early, and not kept", async () => {
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (const chunk = Buffer.alloc(2 ** 16, "a"); ; sent += chunk.length) yield chunk;
  }
  const { error } = await readAll(endless());
  assert.deepEqual([error?.reason, error?.line], ["record-too-long", 1]);
  assert.ok(sent < 2 ** 20, `${sent} bytes were taken`);
});

test("a line of nothing but separators is refused early, wherever it is", async () => {
  for (const header of ["", "slug,name\n", "slug,name\na,b\n"])
    for (const separator of [",", ";", "\t"]) {
      let sent = header.length;
      async function* endless(): AsyncGenerator<Uint8Array> {
        yield Buffer.from(header.replaceAll(",", separator));
        for (const chunk = Buffer.alloc(2 ** 16, separator); ; sent += chunk.length) yield chunk;
      }
      const { error } = await readAll(endless());
      assert.equal(error?.reason, "record-too-long");
      assert.ok(sent < 2 ** 20, `${sent} bytes were read`);
    }
});

test("a file without an end is refused when it is too large", async () => {
  const row = Buffer.from("x\n".repeat(1_000));
  let sent = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (; ; sent += row.length) yield row;
  }
  const maxBytes = 100_000;
  const upload = uploadedCsv(endless(), timers, maxBytes);
  let reason: string | undefined;
  for await (const part of upload.parts) if (!part.ok) reason = part.error.reason;
  assert.equal(reason, "too-many-bytes");
  assert.ok(sent < 2 * maxBytes, `${sent} bytes were taken`);
});

test("a sender who goes away is told from a file that ends", async () => {
  async function* cut(): AsyncGenerator<Uint8Array> {
    yield Buffer.from("a,b\n1,2\n");
    throw new Error("aborted");
  }
  assert.equal((await readAll(cut())).error?.reason, "broken-off");
});

test("the digest is of the content", async () => {
  const one = await read("a\n1\n");
  assert.equal(one.digest, (await readAll(chunksOf("a\n1\n", 1))).digest);
  assert.notEqual(one.digest, (await read("a\n2\n")).digest);
});

test("reads back what it writes, whatever the cells hold", async () => {
  const letter = fc.constantFrom(
    "a",
    '"',
    ",",
    "\n",
    "\r",
    "'",
    "=",
    "+",
    "-",
    "@",
    "\t",
    "1",
    "é",
  );
  const cell = fc.string({ unit: letter, maxLength: 6 });
  const key = fc.constant("k"); // a row of empty cells alone is skipped
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ key, a: cell, b: cell }, { noNullPrototype: true }), {
        minLength: 1,
      }),
      async (rows) => {
        const { rows: back, error } = await read(await written(["key", "a", "b"], rows));
        assert.equal(error, undefined);
        assert.deepEqual(
          back.map(({ cells }) => cells),
          rows,
        );
      },
    ),
  );
});

test("escapes cells that a spreadsheet would take for formulas", async () => {
  const evil = ["=1+1", "+1", "-x", "@SUM(A1)", "\t=1"];
  const text = await written(
    ["a"],
    evil.map((a) => ({ a })),
  );
  for (const line of text.trimEnd().split("\n").slice(1)) assert.match(line, /^"?'/);
  assert.equal(await written(["a"], [{ a: "-12.50" }]), "a\n-12.50\n", "numbers stay numbers");
});
