/** An error and its causes, in one line for a person. */
export const reasonOf = (error: unknown): string =>
  error instanceof Error
    ? error.message + (error.cause === undefined ? "" : `: ${reasonOf(error.cause)}`)
    : String(error);

/** How a command prints. */
export type Output = { readonly json?: true };

/** For programs: one JSON document. For people: a line each, or a word that there is none. */
export function print<Row>(
  rows: readonly Row[],
  { json }: Output,
  line: (row: Row) => string,
  none: string,
): void {
  if (json) console.log(JSON.stringify(rows));
  else console.log(rows.length === 0 ? none : rows.map(line).join("\n"));
}

/** How far long work is, on the terminal of a person; elsewhere it is silent. */
export function progressBar(what: string, total: number) {
  const width = 30;
  const terminal = process.stderr.isTTY ? process.stderr : undefined;
  return {
    show(done: number): void {
      const share = total === 0 ? 1 : Math.min(Math.max(done / total, 0), 1);
      const filled = Math.round(share * width);
      const bar = "█".repeat(filled) + "░".repeat(width - filled);
      terminal?.write(`\r${bar} ${Math.round(share * 100)} % ${done}/${total} ${what}`);
    },
    end: () => void terminal?.write("\n"),
  };
}
