import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { pageOf, pageSize, type Page } from "./page.ts";
import { expect } from "./result.ts";

const Size = pageSize({ usual: 3, most: 5 });

test("pages hold everything once, in order, and the last one leads nowhere", () => {
  const sizes = fc.integer({ min: 1, max: Size.most });
  fc.assert(
    fc.property(fc.nat({ max: 30 }), sizes, (count, wanted) => {
      const all = Array.from({ length: count }, (_, i) => i);
      const size = expect(Size.parse(wanted));
      const seen: number[] = [];
      for (let after: number | undefined = -1; after !== undefined;) {
        const from: number = after + 1;
        const page: Page<number, number> = pageOf(
          all.slice(from, from + size + 1),
          size,
          (item) => item,
        );
        assert.ok(page.items.length <= size);
        seen.push(...page.items);
        after = page.nextCursor;
      }
      assert.deepEqual(seen, all);
    }),
  );
});

test("the last page leads nowhere, though it is full", () => {
  const size = expect(Size.parse(2));
  const self = (item: number) => item;
  assert.deepEqual(pageOf([1, 2], size, self), { items: [1, 2] });
  assert.deepEqual(pageOf([1], size, self), { items: [1] });
  assert.deepEqual(pageOf([], size, self), { items: [] });
  assert.deepEqual(pageOf([1, 2, 3], size, self), { items: [1, 2], nextCursor: 2 });
});

test("a page size is at least one, and has a limit", () => {
  for (const size of [0, 6, 1.5, "3"]) assert.equal(Size.parse(size).ok, false);
  assert.equal(Size.usual, 3);
});
