import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { wordsOf } from "./words.ts";

test("words are letters and digits, without case and accents, each once", () => {
  assert.deepEqual(wordsOf("T-Shirt, ROUGE", "rouge Café 250ml"), [
    "t",
    "shirt",
    "rouge",
    "cafe",
    "250ml",
  ]);
  assert.deepEqual(wordsOf("Молоко 牛乳"), ["молоко", "牛乳"]);
  assert.deepEqual(wordsOf("!?", ""), []);
});

test("every word is text of bounded length that has itself as its only word", () => {
  const letter = fc.constantFrom("a", "É", "ß", "\u{20000}", "\u{1d400}", "-", " ", "7");
  fc.assert(
    fc.property(fc.string({ unit: letter, minLength: 50, maxLength: 200 }), (text) => {
      for (const word of wordsOf(text)) {
        assert.ok(word.isWellFormed());
        assert.ok(Array.from(word).length <= 64);
        assert.deepEqual(wordsOf(word), [word]);
      }
    }),
  );
});

test("a word is cut after 64 letters, however many bytes those take", () => {
  const [a, astral] = ["a".repeat(64), "\u{20000}".repeat(64)];
  assert.deepEqual(wordsOf(a, `${a}b`, astral, `${astral}b`), [a, astral]);
});
