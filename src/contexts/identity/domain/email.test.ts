import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { domainToASCII } from "node:url";
import fc from "fast-check";
import { Email } from "./email.ts";

const canonical = (text: string) => {
  const parsed = Email.parse(text);
  return parsed.ok ? String(parsed.value) : undefined;
};

describe("an email address", () => {
  const same: readonly (readonly [string, string])[] = [
    [" Ada@Example.COM ", "ada@example.com"],
    ["x@ｅｘａｍｐｌｅ.com", "x@example.com"],
    ["x@example。com", "x@example.com"],
    ["x@bu\u0308cher.example", "x@xn--bcher-kva.example"],
    ["x@BÜCHER.example", "x@xn--bcher-kva.example"],
    ["x@xn--bcher-kva.example", "x@xn--bcher-kva.example"],
    ["ju\u0308rgen@example.com", "jürgen@example.com"],
    ["a+b_c'd@example.com", "a+b_c'd@example.com"],
  ];
  for (const [spelled, address] of same)
    test(`${JSON.stringify(spelled)} is ${address}`, () =>
      assert.equal(canonical(spelled), address));

  const refused = [
    "<x@d.example>",
    "x@d.example>",
    "x@exam\u00ADple.com",
    "x\u200B@example.com",
    "x\u202E@example.com",
    "\u3164@example.com",
    "x@\u3164.com",
    "x@-example.com",
    "x@example-.com",
    "x@exa_mple.com",
    "x@example",
    "x@.example",
    "x@example..com",
    "x@example.com.",
    ".x@example.com",
    "x.@example.com",
    "x..y@example.com",
    "x@y@example.com",
    '"x y"@example.com',
    "a,b@example.com",
    `${"x".repeat(65)}@example.com`,
    `x@${"y".repeat(64)}.com`,
    "@example.com",
    "example.com",
    "",
  ];
  for (const spelled of refused)
    test(`${JSON.stringify(spelled.slice(0, 30))} is refused`, () =>
      assert.equal(canonical(spelled), undefined));

  test("has the domain that browsers make of it", () => {
    const alphabet = "abzäößñéøłğжяёαωςά中文字ไทยกखア";
    const letter = fc.constantFrom(...Array.from(alphabet));
    const label = fc.array(letter, { minLength: 1, maxLength: 12 }).map((all) => all.join(""));
    fc.assert(
      fc.property(label, (text) => {
        const wanted = domainToASCII(`${text}.example`);
        if (wanted !== "") assert.equal(canonical(`x@${text}.example`), `x@${wanted}`);
      }),
      { numRuns: 2_000 },
    );
  });

  test("once canonical, stays as it is", () => {
    fc.assert(
      fc.property(fc.emailAddress(), (text) => {
        const once = canonical(text);
        if (once !== undefined) assert.equal(canonical(once), once);
      }),
    );
  });
});
