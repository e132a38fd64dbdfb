import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { allows, holds, readIf, tokensIn } from "./conditions.ts";

const [one, two] = ["urn:basalt:lock_1", "urn:basalt:lock_2"];
const here = { tag: '"a.1"', tokens: new Set([one]) };
const elsewhere = { tag: undefined, tokens: new Set([two]) };

test("an If header holds where all conditions of one of its lists do", async () => {
  const cases: readonly (readonly [string, boolean])[] = [
    [`(<${one}>)`, true],
    [`(<${two}>)`, false],
    [`(<${two}>) (<${one}>)`, true],
    [`(<${one}> ["a.1"])`, true],
    [`(<${one}> ["a.2"])`, false],
    [`(Not <${two}>)`, true],
    [`(Not<${one}>)`, false],
    [`(<${one}> NOT ["a.2"]) `, true],
    [`(<DAV:no-lock>) (Not <DAV:no-lock>)`, true],
    [`</dav/there> (<${two}>)`, true],
    [`<http://localhost/dav/there> (<${one}>)`, false],
    [`</dav/there> (<${one}>) </dav/there> (Not ["a.1"] <${two}>)`, true],
    [`(W/"a.1")`, false],
  ];
  for (const [header, expected] of cases) {
    const lists = readIf(header);
    if (!lists.ok) assert.equal(expected, false, header);
    else
      assert.equal(
        await holds(lists.value, async (resource) => (resource === undefined ? here : elsewhere)),
        expected,
        header,
      );
  }
});

test("an If header that is not as RFC 4918 says is refused", () => {
  const headers = [
    "",
    " ",
    "()",
    "(",
    `(<${one}>`,
    `<${one}>`,
    `(<${one}>))`,
    `((<${one}>))`,
    `(Not)`,
    `(Not Not <${one}>)`,
    `(<${one}>) </dav/there> (<${two}>)`,
    `(<${one}>) garbage`,
    `(["a.1"`,
    `(<${one}>)`.repeat(102),
    `(${`<${one}>`.repeat(201)})`,
  ];
  for (const header of headers) assert.equal(readIf(header).ok, false, header.slice(0, 80));
});

test("all tokens of a header count as named", () => {
  const lists = expect(readIf(`</a> (Not <${one}>) </b> (["x"] <${two}>)`));
  assert.deepEqual([...tokensIn(lists)], [one, two]);
});

test("If-Match and If-None-Match ask for what is there", () => {
  const found = { tag: '"a.1"', modifiedAtMs: Date.parse("2026-01-02T03:04:05.678Z") };
  const cases: readonly (readonly [
    Parameters<typeof allows>[0],
    typeof found | undefined,
    boolean,
  ])[] = [
    [{}, undefined, true],
    [{ "if-match": "*" }, found, true],
    [{ "if-match": "*" }, undefined, false],
    [{ "if-match": '"a.0", "a.1"' }, found, true],
    [{ "if-match": 'W/"a.1"' }, found, false],
    [{ "if-match": '"a.2"' }, found, false],
    [{ "if-none-match": "*" }, undefined, true],
    [{ "if-none-match": "*" }, found, false],
    [{ "if-none-match": '"a.2"' }, found, true],
    [{ "if-none-match": 'W/"a.1"' }, found, false],
    [{ "if-unmodified-since": "Fri, 02 Jan 2026 03:04:05 GMT" }, found, true],
    [{ "if-unmodified-since": "Fri, 02 Jan 2026 03:04:04 GMT" }, found, false],
    [{ "if-unmodified-since": "yesterday" }, found, true],
    [{ "if-unmodified-since": "Mon, 30 Feb 2015 00:00:00 GMT" }, found, true],
    [{ "if-match": "*", "if-unmodified-since": "Fri, 02 Jan 2015 00:00:00 GMT" }, found, true],
  ];
  for (const [headers, there, expected] of cases)
    assert.equal(allows(headers, there), expected, JSON.stringify(headers));
});
