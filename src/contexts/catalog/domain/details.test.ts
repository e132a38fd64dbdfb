import assert from "node:assert/strict";
import { test } from "node:test";
import { expect } from "#kernel/result.ts";
import { parses } from "#test/values.ts";
import { Attribute, Description, ImageUrl, Slug, Title } from "./details.ts";
import { Location } from "./location.ts";
import { PriceList } from "./price-list.ts";
import { Adjustment, maxUnits, Quantity, Units } from "./quantity.ts";
import { Sku } from "./sku.ts";

test("normalises the details of a product", () => {
  parses(Title, { "  Red \t\n T-Shirt ": "Red T-Shirt", " ": undefined });
  parses(Description, { "  Soft.\n\nWarm. ": "Soft.\n\nWarm.", "": "" });
  parses(Slug, { "red-t-shirt": "red-t-shirt", "-red": undefined, "red--t": undefined });
  parses(ImageUrl, {
    "https://a.b/c.png": "https://a.b/c.png",
    "http://a": "http://a",
    "ftp://a.b": undefined,
    "https://a b": undefined,
    "x https://a.b": undefined,
  });
  const attribute = (name: string, value: string) => Attribute.parse({ name, value });
  assert.deepEqual(expect(attribute("colour", " red ")), { name: "colour", value: "red" });
  assert.equal(attribute("Colour", "red").ok, false);
  assert.equal(attribute("colour", " ").ok, false);
  assert.equal(attribute(`c${"o".repeat(39)}`, "red").ok, true);
  assert.equal(attribute(`c${"o".repeat(40)}`, "red").ok, false);
});

test("normalises locations and price lists", () => {
  parses(Sku, { "TS-M_1.0": "TS-M_1.0", "-TS": undefined, "T S": undefined });
  parses(Location, { "berlin-2": "berlin-2", Berlin: undefined, "-b": undefined });
  parses(PriceList, { "b2b-2": "b2b-2", "2b": undefined, B: undefined });
  assert.equal(Location.parse("b".repeat(32)).ok, true);
  assert.equal(Location.parse("b".repeat(33)).ok, false);
});

test("a slug reads like its title, and is cut between words", () => {
  const slugOf = (text: string) => Slug.of(expect(Title.parse(text)));
  assert.equal(slugOf("Café — Crème!"), "cafe-creme");
  assert.equal(slugOf("???"), undefined);
  assert.equal(slugOf(`${"a".repeat(99)} b`), "a".repeat(99));
  assert.equal(slugOf("a".repeat(150)), "a".repeat(100));
  assert.equal(slugOf("a  b"), "a-b");
});

test("units are counted from none to a limit", () => {
  const units = (n: number) => expect(Units.parse(n));
  assert.equal(Units.plus(units(maxUnits - 1), 1), maxUnits);
  assert.equal(Units.plus(units(maxUnits), 1), undefined);
  assert.equal(Units.plus(units(1), -1), 0);
  assert.equal(Units.plus(units(1), -2), undefined);
  assert.equal(Units.minus(units(2), expect(Quantity.parse(2))), 0);
  assert.equal(Units.minus(units(1), expect(Quantity.parse(2))), undefined);
  assert.equal(Adjustment.parse(0).ok, false);
  assert.equal(Quantity.parse(0).ok, false);
});
