import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { err, ok } from "#kernel/result.ts";
import { optional, shape } from "#kernel/shape.ts";
import { Quantity } from "../../domain/quantity.ts";
import { joinCell, readCells, splitCell, unlessEmpty, wholeNumber } from "./cells.ts";

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

test("cells become the value that they spell, or say which of them does not", () => {
  const columns = { units: wholeNumber, more: unlessEmpty };
  const row = shape({ units: Quantity, more: optional(Quantity) });
  assert.deepEqual(readCells({ units: "12", more: "" }, columns, row), ok({ units: 12 }));
  const issuesOf = (units: string) => {
    const read = readCells({ units }, columns, row);
    return !read.ok && read.error.type === "invalid" ? read.error.issues : [];
  };
  for (const units of ["", "x", "1.5", "1e3", "0", "-1", "9".repeat(16)])
    assert.deepEqual(
      issuesOf(units).map(({ path }) => path),
      ["/units"],
      units,
    );
  const beyond = readCells({ units: "1", __proto__x: "" }, columns, row);
  assert.deepEqual(beyond, err({ type: "unknown-cells", columns: ["__proto__x"] }));
});
