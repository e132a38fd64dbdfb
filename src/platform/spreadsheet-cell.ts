/** Excel opens a cell that begins so as a formula: it is written behind an apostrophe. */
const formula = /^'+[=+\-@\t\r]|^[=+\-@\t\r]/;
const number = /^-?\d+(\.\d+)?$/;

/** The cell as it is written to a file that spreadsheets may open. */
export const writtenCell = (cell: string): string =>
  formula.test(cell) && !number.test(cell) ? `'${cell}` : cell;

/** The cell that was written so. */
export const readCell = (cell: string): string =>
  cell.startsWith("'") && formula.test(cell.slice(1)) ? cell.slice(1) : cell;
