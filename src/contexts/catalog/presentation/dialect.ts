import { separators, type Separator } from "../domain/dialect.ts";

/** The first line of a file that only says its separator, for Excel. */
const saysSeparator = /^sep=([,;\t])$/i;

/** The separator of a file with this first line, and whether the line is only there to say it. */
export function separatorOf(line: string): {
  readonly separator: Separator;
  readonly isOnlySaid: boolean;
} {
  const said = saysSeparator.exec(line.trimEnd())?.[1] as Separator | undefined;
  if (said) return { separator: said, isOnlySaid: true };
  const counted = separators.map((separator) => [separator, line.split(separator).length] as const);
  const [separator] = counted.toSorted(([, a], [, b]) => b - a)[0] ?? [","];
  return { separator, isOnlySaid: false };
}
