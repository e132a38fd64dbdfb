import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { saved } from "#kernel/change.ts";
import { err, expect, ok } from "#kernel/result.ts";
import { Version } from "#kernel/version.ts";
import { newId } from "#test/values.ts";
import { types } from "../testing/events.ts";
import { Category, maxDepth } from "./category.ts";
import { Slug, Title } from "./details.ts";
import { CategoryId } from "./ids.ts";

const title = (text: string) => expect(Title.parse(text));

describe("a category", () => {
  const create = (name: string, above: readonly Category[]) => {
    const slug = expect(Slug.parse(name));
    return Category.create({ id: newId(CategoryId), name: title(name), slug, above });
  };
  const chain = (length: number) => {
    let above: readonly Category[] = [];
    for (let i = 0; i < length; i += 1) above = [saved(expect(create(`c${i}`, above))), ...above];
    return above;
  };

  test("lies below another, but not below itself, nor too deep", () => {
    const above = chain(maxDepth);
    assert.deepEqual(create("deeper", above), err({ type: "category-too-deep", maxDepth }));
    const top = above.at(-1);
    const [lowest] = above;
    assert.ok(top && lowest);
    assert.deepEqual(Category.move(top, { above, height: 1 }), err({ type: "category-cycle" }));
    const other = saved(expect(create("other", [])));
    const tooDeep = err({ type: "category-too-deep", maxDepth });
    assert.deepEqual(Category.move(other, { above: above.slice(1), height: 2 }), tooDeep);
    assert.ok(Category.move(other, { above: above.slice(1), height: 1 }).ok);
    const moved = expect(Category.move(other, { above: [top], height: 1 }));
    assert.equal(moved.state.parentId, top.id);
    assert.deepEqual(types(moved.events), ["catalog.category-moved"]);
    const back = expect(Category.move(saved(moved), { above: [], height: 1 }));
    assert.equal(back.state.parentId, undefined);
    assert.deepEqual(expect(Category.move(saved(back), { above: [], height: 1 })).events, []);
  });

  test("is renamed, once, in the version that was seen", () => {
    const [category] = chain(1);
    assert.ok(category);
    const renamed = Category.rename(category, title("Clothes"));
    assert.deepEqual(types(renamed.events), ["catalog.category-renamed"]);
    assert.deepEqual(Category.rename(saved(renamed), title("Clothes")).events, []);
    const { id, version } = category;
    assert.deepEqual(Category.expected(category, { id, version }), ok(category));
    const unknown = err({ type: "category-not-found", id });
    assert.deepEqual(Category.expected(undefined, { id, version }), unknown);
    const late = err({ type: "precondition-failed", currentVersion: version });
    assert.deepEqual(Category.expected(category, { id, version: Version.none }), late);
  });
});
