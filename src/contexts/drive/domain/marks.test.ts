import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import type { Sha256 } from "./content.ts";
import { Marks } from "./marks.ts";

const hash = (text: string) => createHash("sha256").update(text).digest("hex") as Sha256;

test("finds every added hash, and few others", () => {
  const marks = new Marks(20_000);
  for (let i = 0; i < 20_000; i += 1) marks.add(hash(`in ${i}`));
  for (let i = 0; i < 20_000; i += 1) assert.ok(marks.mayHave(hash(`in ${i}`)));
  let wrong = 0;
  for (let i = 0; i < 20_000; i += 1) if (marks.mayHave(hash(`out ${i}`))) wrong += 1;
  assert.ok(wrong < 400, `${wrong} of 20 000 are taken for marked`);
});
