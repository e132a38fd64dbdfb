import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { err, ok } from "#kernel/result.ts";
import { optional, shape } from "#kernel/shape.ts";
import { Quantity } from "../../domain/quantity.ts";
import { amountOf, joinCell, readCells, splitCell, unlessEmpty, wholeNumber } from "./cells.ts";

test("several values in a cell are read as they were written, whatever is in them", () => {
  const value = fc.string({ unit: fc.constantFrom("a", "|", "\\", "=", " ", "é"), minLength: 1 });
  fc.assert(
    fc.property(fc.array(value), (values) => {
      assert.deepEqual(splitCell(joinCell(values)), values);
    }),
  );
  assert.deepEqual(splitCell(""), []);
  assert.deepEqual(splitCell("red|blue"), ["red", "blue"]);
});

test("amounts are read as spreadsheets of any country write them", () => {
  for (const [cell, spelled] of [
    [" 19.90", "19.9"],
    ["19,90", "19.9"],
    ["19.9000", "19.9"],
    ["1000.00", "1000"],
    ["1.234,50", "1234.5"],
    ["1,234.50", "1234.5"],
    ["1 234,50", "1234.5"],
    ["1'234.50", "1234.5"],
    ["1.234.567,00", "1234567"],
    ["-3,5", "-3.5"],
    ["1,000", undefined],
    ["1.000", undefined],
    ["1.234.567", undefined],
    ["0.5000", "0.5"],
    ["1.2.3", "1.2.3"],
    ["100", "100"],
    ["", ""],
  ] as const)
    assert.equal(amountOf(cell, 2), spelled, cell);
  assert.equal(amountOf("1.000", 3), "1.000");
  assert.equal(amountOf("1,000", 3), undefined);
});

test("cells become the value that they spell, or say which of them does not", () => {
  const columns = { units: wholeNumber, more: unlessEmpty };
  const row = shape({ units: Quantity, more: optional(Quantity) });
  assert.deepEqual(readCells({ units: "12", more: "" }, columns, row), ok({ units: 12 }));
  const issuesOf = (units: string) => {
    const read = readCells({ units }, columns, row);
    return !read.ok && read.error.type === "invalid" ? read.error.issues : [];
  };
  for (const whole of ["12.00", "12,0", " 12 "])
    assert.deepEqual(readCells({ units: whole, more: "" }, columns, row), ok({ units: 12 }), whole);
  for (const units of ["1.000", "1,000", "", "x", "1.5", "1e3", "0", "-1", "9".repeat(16)])
    assert.deepEqual(
      issuesOf(units).map(({ path }) => path),
      ["/units"],
      units,
    );
  const beyond = readCells({ units: "1", __proto__x: "" }, columns, row);
  assert.deepEqual(beyond, err({ type: "unknown-cells", columns: ["__proto__x"] }));
});
