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

export const text = (cell: string): string => cell;
/** An empty cell is a missing one. */
export const unlessEmpty = (cell: string): string | undefined => (cell === "" ? undefined : cell);
/** Digits are a number; anything else stays as it is, for the value to refuse. */
export const wholeNumber = (cell: string): number | string | undefined =>
  /^-?\d{1,15}$/.test(cell) ? Number(cell) : unlessEmpty(cell);
