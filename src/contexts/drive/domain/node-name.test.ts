import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { expect } from "#kernel/result.ts";
import { nameKey, NodeName } from "./node-name.ts";

const keyOf = (name: string) => nameKey(expect(NodeName.parse(name)));

describe("a name of a file or folder", () => {
  for (const name of [
    "a",
    ".hidden",
    "…",
    "2026-11-27T12:00:00.log",
    "Was ist das?.txt",
    "family 👨‍👩‍👧.jpg",
    "n\u0303.txt",
    "console",
    "com.apple.plist",
    "a".repeat(255),
    "é".repeat(127),
  ])
    test(`${JSON.stringify(name)} is kept as it was spelled`, () => {
      assert.equal(expect(NodeName.parse(name)), name);
    });

  for (const [name, why] of [
    ["", "is empty"],
    [".", "is the folder itself"],
    ["..", "is the folder above"],
    ["a/b", "has a slash"],
    ["..\\..\\evil", "has a backslash"],
    ["a\0b", "has a NUL"],
    ["a\nb", "has a line break"],
    ["invoice\u202Efdp.exe", "turns the direction of text"],
    ["a\u2066b", "isolates the direction of text"],
    [" a", "begins with a space"],
    ["a ", "ends with a space"],
    ["a.", "ends with a dot, which Windows removes"],
    ["\u3000", "is a space alone"],
    ["NUL", "is a device of Windows"],
    ["nul.txt", "is a device of Windows with an extension"],
    ["Com1.tar.gz", "is a serial port of Windows"],
    ["LPT¹", "is a printer of Windows"],
    ["conin$.txt", "is the console of Windows"],
    ["\u200B", "is a space without width"],
    ["\u00AD\u200D", "has no character that is seen"],
    ["é".repeat(128), "has 256 bytes"],
    ["👍".repeat(64), "has 256 bytes of four-byte characters"],
    ["a\uD800", "has half a character"],
  ] as const)
    test(`${JSON.stringify(name)} is refused: it ${why}`, () => {
      assert.equal(NodeName.parse(name).ok, false);
    });

  for (const [one, other] of [
    ["Readme.md", "README.MD"],
    ["caf\u00E9", "cafe\u0301"],
    ["CAFE\u0301", "caf\u00E9"],
    ["Straße", "STRASSE"],
    ["ß", "ẞ"],
    ["ΣΊΣΥΦΟΣ", "σίσυφος"],
    ["\u212A", "k"],
  ] as const)
    test(`${one} and ${other} are one name`, () => {
      assert.equal(keyOf(one), keyOf(other));
    });

  for (const [one, other] of [
    ["a", "b"],
    ["ı", "j"],
    ["résumé", "resume"],
    ["ｆｕｌｌ", "full"],
  ] as const)
    test(`${one} and ${other} are two names`, () => {
      assert.notEqual(keyOf(one), keyOf(other));
    });
});
