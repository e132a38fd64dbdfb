import assert from "node:assert/strict";
import fc from "fast-check";
import { describe, test } from "node:test";
import { err, ok } from "./result.ts";
import {
  branded,
  commaSeparated,
  handedOver,
  list,
  oneOf,
  opaque,
  optional,
  orNull,
  shape,
  type Brand,
  type Value,
  unruly,
} from "./shape.ts";

const Word = branded<Brand<string, "Word">>("word", {
  schema: { type: "string", minLength: 2, maxLength: 4, pattern: "^[a-z😀]*$" },
  says: "small letters",
  parse: (input) => (input === "none" ? undefined : input),
});
const Count = branded<Brand<number, "Count">>("count", {
  schema: { type: "integer", minimum: 1, maximum: 9 },
});
/** Matches its pattern once it is in capitals. */
const Shouted = branded<Brand<string, "Shouted">>("shout", {
  schema: { type: "string", minLength: 2, pattern: "^[A-Z ]*$" },
  says: "capitals",
  parse: (input) => input.trim().toUpperCase(),
});
const Share = branded<Brand<number, "Share">>("share", { schema: { type: "number" } });
const Flag = branded<Brand<boolean, "Flag">>("flag", { schema: { type: "boolean" } });

const issues = (...found: readonly (readonly [string, string])[]) =>
  err({ type: "invalid", issues: found.map(([path, message]) => ({ path, message })) });
const says = (value: Value<unknown>, input: unknown, message: string) =>
  assert.deepEqual(value.parse(input), issues(["", message]), JSON.stringify(input));
/** The input fits the schema, and breaks another rule. */
const saysOfRule = (value: Value<unknown>, input: unknown, message: string) =>
  assert.deepEqual(value.parse(input), unruly(message), JSON.stringify(input));
const takes = (value: Value<unknown>, ...inputs: readonly unknown[]) => {
  for (const input of inputs) assert.deepEqual(value.parse(input), ok(input));
};

describe("a kind of value says what is wrong", () => {
  test("about texts", () => {
    takes(Word, "ab", "abcd", "😀😀😀😀");
    says(Word, 1, "must be a text: small letters");
    saysOfRule(Word, "none", "must be small letters");
    says(Shouted, "x", "must have at least 2 characters");
    saysOfRule(Shouted, "   ", "must have at least 2 characters");
    assert.deepEqual(Shouted.parse(" ab "), ok("AB"));
    says(Word, "a", "must have at least 2 characters");
    says(Word, "abcde", "must have at most 4 characters");
    says(Word, "AB", "must be small letters");
    saysOfRule(Word, "\ud800a", "must be well-formed text");
    saysOfRule(Word, "a\0", "must be well-formed text");
    const free = branded<Brand<string, "Free">>("free", { schema: { type: "string" } });
    takes(free, "", "x".repeat(10_000));
    const empty = branded<Brand<string, "Empty">>("empty", {
      schema: { type: "string", minLength: 0, maxLength: 0 },
    });
    takes(empty, "");
    says(empty, "x", "must have at most 0 characters");
  });

  test("about numbers", () => {
    takes(Count, 1, 9);
    says(Count, 0, "must be at least 1");
    says(Count, 10, "must be at most 9");
    says(Count, 1.5, "must be a count");
    says(Count, "1", "must be a count");
    takes(Share, 0.5, -1, 1e300);
    takes(Flag, true, false);
    says(Flag, 0, "must be a flag");
  });

  test("about one of some words", () => {
    const Size = oneOf("small", "large");
    takes(Size, "small", "large");
    says(Size, "huge", "must be one of small, large");
    assert.deepEqual(Size.schema, { title: "word", type: "string", enum: ["small", "large"] });
  });

  test("about lists, at each place", () => {
    const words = list(Word, 2);
    takes(words, [], ["ab", "cd"]);
    says(words, "ab", "must be a list");
    says(words, { length: 1 }, "must be a list");
    says(words, ["ab", "cd", "ef"], "must have at most 2 items");
    const wrong = words.parse(["a", 1]);
    const each = [
      ["/0", "must have at least 2 characters"] as const,
      ["/1", "must be a text: small letters"] as const,
    ];
    assert.deepEqual(wrong, issues(...each));
    assert.deepEqual(words.schema, { type: "array", items: Word.schema, maxItems: 2 });
  });

  test("about lists that are one text", () => {
    const words = commaSeparated(Word, 2);
    assert.deepEqual(words.parse("ab,cd"), ok(["ab", "cd"]));
    says(words, ["ab"], "must be a text");
    says(words, "ab,cd,ef", "must have at most 2 items");
    assert.deepEqual(words.schema, {
      type: "string",
      description: "comma separated",
      minLength: 1,
      maxLength: 10,
    });
    assert.equal(commaSeparated(Count, 3).schema["maxLength"], 3);
  });

  test("about records, at each field", () => {
    const Thing = shape({ "a/b~c": Word, count: optional(Count) });
    takes(Thing, { "a/b~c": "ab" }, { "a/b~c": "ab", count: 1 });
    for (const input of ["ab", null, ["ab"], 1, undefined]) says(Thing, input, "must be an object");
    assert.deepEqual(
      Thing.parse({ count: 0, more: 1 }),
      issues(
        ["/a~1b~0c", "is required"],
        ["/count", "must be at least 1"],
        ["/more", "is not expected"],
      ),
    );
    assert.deepEqual(Thing.schema, {
      type: "object",
      additionalProperties: false,
      required: ["a/b~c"],
      properties: { "a/b~c": Word.schema, count: Count.schema },
    });
    assert.equal(optional(Count).optional, true);
  });

  test("about opaque values and null", () => {
    takes(opaque("answer"), {}, { any: ["thing"] });
    says(opaque("answer"), [], "must be an answer");
    assert.deepEqual(opaque("answer").schema, {
      title: "answer",
      type: "object",
      additionalProperties: true,
    });
    const stream = Symbol("stream");
    assert.deepEqual(handedOver("file", { type: "string" }).parse(stream), ok(stream));
    assert.deepEqual(handedOver("file", { type: "string" }).schema, {
      title: "file",
      type: "string",
    });
    takes(orNull(Word), "ab", null);
    says(orNull(Word), "a", "must have at least 2 characters");
    assert.deepEqual(orNull(Word).schema, { anyOf: [Word.schema, { type: "null" }] });
  });
});

test("a whole number is documented with the bounds within which it is exact", () => {
  const exact = { minimum: -(2 ** 53) + 1, maximum: 2 ** 53 - 1 };
  const whole = branded<Brand<number, "Whole">>("whole", { schema: { type: "integer" } });
  assert.deepEqual(whole.schema, { title: "whole", type: "integer", format: "int64", ...exact });
  assert.deepEqual(Count.schema, {
    title: "count",
    type: "integer",
    format: "int64",
    minimum: 1,
    maximum: 9,
  });
  assert.deepEqual(Share.schema, { title: "share", type: "number" });
});

type Label = Brand<string, "Label">;

const Label = branded<Label>("label", {
  schema: { type: "string", minLength: 2, maxLength: 5 },
  parse: (input) => input.trim(),
});

type Digit = Brand<number, "Digit">;

const Digit = branded<Digit>("digit", { schema: { type: "integer", minimum: 0, maximum: 9 } });

describe("values", () => {
  test("are normalised before they are checked", () => {
    assert.deepEqual(Label.parse("  ab  "), ok("ab"));
    assert.equal(Label.parse("  a  ").ok, false);
  });

  test("count code points, and refuse what is no text", () => {
    assert.equal(Label.parse("🙂🙂🙂🙂🙂").ok, true);
    assert.equal(Label.parse("🙂🙂🙂🙂🙂🙂").ok, false);
    assert.equal(Label.parse("ab\0").ok, false);
    assert.equal(Label.parse("ab\ud800").ok, false);
  });

  test("are idempotent under parsing", () => {
    fc.assert(
      fc.property(fc.string(), (input) => {
        const once = Label.parse(input);
        if (once.ok) assert.deepEqual(Label.parse(once.value), once);
      }),
    );
  });

  test("keep the bounds of numbers", () => {
    assert.equal(Digit.parse(9).ok, true);
    for (const input of [-1, 10, 1.5, NaN, "3", 2 ** 60])
      assert.equal(Digit.parse(input).ok, false);
  });
});

describe("shapes", () => {
  const Thing = shape({ label: Label, count: optional(Digit), labels: optional(list(Label, 2)) });

  test("parse every field and leave out what is missing", () => {
    assert.deepEqual(Thing.parse({ label: " ab " }), ok({ label: "ab" }));
  });

  test("report every broken field at its place", () => {
    const parsed = Thing.parse({ count: 10, labels: ["ab", 1], more: true, "a/~b": 1 });
    assert.ok(!parsed.ok);
    assert.deepEqual(
      parsed.error.issues.map(({ path }) => path),
      ["/label", "/count", "/labels/1", "/more", "/a~1~0b"],
    );
  });

  test("refuse what is no record, and lists that are too long", () => {
    for (const input of [null, [], "x", 1]) assert.equal(Thing.parse(input).ok, false);
    assert.equal(Thing.parse({ label: "ab", labels: ["ab", "ab", "ab"] }).ok, false);
  });

  test("never take a field from the prototype", () => {
    assert.equal(Thing.parse(Object.create({ label: "ab" })).ok, false);
  });
});
