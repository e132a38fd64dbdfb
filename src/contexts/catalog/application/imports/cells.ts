import { err, type Result } from "#kernel/result.ts";
import type { Invalid, Value } from "#kernel/shape.ts";
import type { Cells } from "../ports/imports.ts";

/** Several values in one cell: `red|blue`. A bar or a backslash of a value has a backslash before it. */
export const joinCell = (values: readonly string[]): string =>
  values.map((value) => value.replaceAll(/[\\|]/g, "\\$&")).join("|");

export function splitCell(cell: string): readonly string[] {
  if (cell === "") return [];
  const values: string[] = [];
  let [value, isMarked] = ["", false];
  for (const letter of cell) {
    if (!isMarked && letter === "|") {
      values.push(value);
      value = "";
    } else if (isMarked || letter !== "\\") value += letter;
    isMarked = !isMarked && letter === "\\";
  }
  return [...values, value];
}

/** How the cell of each column is read: undefined counts as missing. */
export type Columns = { readonly [column: string]: (cell: string) => unknown };

/** Cells of unknown columns, or beyond the last column. */
export type UnknownCells = { readonly type: "unknown-cells"; readonly columns: readonly string[] };

/** The value that cells spell. */
export function readCells<T>(
  cells: Cells,
  columns: Columns,
  value: Value<T>,
): Result<T, Invalid | UnknownCells> {
  const unknown = Object.keys(cells).filter((column) => !Object.hasOwn(columns, column));
  if (unknown.length > 0) return err({ type: "unknown-cells", columns: unknown });
  const read = Object.entries(cells).flatMap(([column, cell]) => {
    const input = columns[column]?.(cell);
    return input === undefined ? [] : [[column, input] as const];
  });
  return value.parse(Object.fromEntries(read));
}

export const text = (cell: string): string => cell.trim();
/** An empty cell is a missing one. */
export const unlessEmpty = (cell: string): string | undefined => text(cell) || undefined;
export const capitals = (cell: string): string => text(cell).toUpperCase();
/** Digits are a number; anything else stays as it is, for the value to refuse. */
export const wholeNumber = (cell: string): number | string | undefined =>
  /^-?\d{1,15}([.,]0{1,2})?$/.test(text(cell)) ? Number.parseInt(cell, 10) : unlessEmpty(cell);

/** One or a thousand, depending on the country: `1.000` and `1,000`. The value refuses what stays as it is. */
const ambiguous = /^-?\d{1,3}([.,]\d{3})+$/;
const thousandsAndComma = /^-?\d{1,3}(\.\d{3})+,\d+$/;
const thousandsAndPoint = /^-?\d{1,3}(,\d{3})+\.\d+$/;
const decimalComma = /^-?\d+,(\d{1,2}|\d{4,})$/;
const zerosBehind = /(\.\d*?)0+$/;

/**
 * An amount as spreadsheets write it: `1.234,50`, `1,234.50`, `19,90`, `19.9000`; undefined where it may be two. Of a
 * currency with three digits, `1.000` is one.
 */
export function amountOf(cell: string, digits: number): string | undefined {
  const bare = cell.replaceAll(/[\s']/g, "");
  if (digits === 3 && /^-?\d+\.\d{3}$/.test(bare)) return bare;
  if (ambiguous.test(bare)) return undefined;
  const pointed =
    thousandsAndComma.test(bare) || decimalComma.test(bare)
      ? bare.replaceAll(".", "").replace(",", ".")
      : bare;
  const plain = thousandsAndPoint.test(pointed) ? pointed.replaceAll(",", "") : pointed;
  return plain.replace(zerosBehind, "$1").replace(/\.$/, "");
}
