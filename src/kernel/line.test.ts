import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { line, lines } from "./line.ts";
import { ok } from "./result.ts";

const name = line("name", { min: 1, max: 20 });
const note = lines("note", { max: 100 });

describe("a line of text", () => {
  const becomes: readonly (readonly [string, string, string])[] = [
    ["a decomposed letter is composed", "Gru\u0308n", "Grün"],
    ["runs of white space become one space", "  Ada \t\n Lovelace\u00A0 ", "Ada Lovelace"],
    ["control characters go", "A\u0007d\u001Ba", "Ada"],
    ["direction marks go", "\u202Eevil\u202C", "evil"],
    ["invisible characters go", "A\u00ADd\u200Ba\uFEFF", "Ada"],
    ["an emoji of several parts stays", "👩\u200D🚀", "👩\u200D🚀"],
    ["a flag of tags stays", "🏴\u{E0067}\u{E0062}\u{E007F}", "🏴\u{E0067}\u{E0062}\u{E007F}"],
    ["a single letter is a name", "王", "王"],
  ];
  for (const [title, input, output] of becomes)
    test(title, () => assert.deepEqual(name.parse(input), ok(output)));

  for (const [title, input] of [
    ["nothing", ""],
    ["white space", " \u3000"],
    ["a filler that has no form", "\u3164"],
    ["an empty pattern of dots", "\u2800"],
    ["joiners alone", "\u200D\u200D"],
    ["half a character", "A\ud800"],
    ["too many characters", "x".repeat(21)],
  ] as const)
    test(`${title} is refused`, () => assert.equal(name.parse(input).ok, false));

  test("what it answers, it answers again", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (input) => {
        const once = note.parse(input);
        if (once.ok) assert.deepEqual(note.parse(once.value), once);
      }),
    );
  });
});

test("several lines keep their breaks", () => {
  assert.deepEqual(note.parse(" a\r\nb\rc\n\n\td\u0007 "), ok("a\nb\nc\n\n\td"));
});
