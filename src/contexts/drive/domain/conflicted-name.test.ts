import assert from "node:assert/strict";
import { test } from "node:test";
import { Instant } from "#kernel/instant.ts";
import { expect } from "#kernel/result.ts";
import { conflictedName, numberedName } from "./conflicted-name.ts";
import { maxNameBytes, NodeName } from "./node-name.ts";

const at = expect(Instant.parse("2026-11-28T01:45:30Z"));
const named = (name: string, count = 1) => conflictedName(expect(NodeName.parse(name)), at, count);

test("the name of a conflicted copy keeps the extension, and says when it was made", () => {
  assert.equal(named("notes.txt"), "notes (conflicted copy 2026-11-28 01.45.30).txt");
  assert.equal(named("notes.txt", 2), "notes (conflicted copy 2026-11-28 01.45.30 2).txt");
  assert.equal(named(".profile"), ".profile (conflicted copy 2026-11-28 01.45.30)");
  assert.equal(named("no extension"), "no extension (conflicted copy 2026-11-28 01.45.30)");
});

test("files of one name get numbers", () => {
  const name = expect(NodeName.parse("photo.tar.gz"));
  const names = [1, 2, 10].map((count) => numberedName(name, count));
  assert.deepEqual(names, ["photo.tar.gz", "photo.tar (2).gz", "photo.tar (10).gz"]);
});

test("what is long behind a dot is shortened like the rest of a name", () => {
  for (const letter of ["x", "ä"]) {
    const copy = named(`a.${letter.repeat(250 / Buffer.byteLength(letter))}`);
    assert.ok(NodeName.parse(copy).ok, copy);
    assert.match(copy, /^a\..+ \(conflicted copy [\d .-]+\)$/);
  }
});

test("a long name is shortened by whole letters, and stays a name", () => {
  for (const letter of ["x", "ä", "e\u0301", "👩‍👩‍👧"]) {
    const long = letter.repeat(255);
    const name = `${[...new Intl.Segmenter().segment(long)]
      .map(({ segment }) => segment)
      .slice(0, Math.floor(250 / Buffer.byteLength(letter)))
      .join("")}.txt`;
    const copy = named(name);
    assert.ok(Buffer.byteLength(copy) <= maxNameBytes, copy);
    assert.ok(NodeName.parse(copy).ok, copy);
    assert.ok(copy.startsWith(letter));
  }
});
