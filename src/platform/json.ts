const mark = "$bigint";

const isMarked = (value: unknown): value is Readonly<Record<typeof mark, string>> =>
  typeof value === "object" && value !== null && mark in value && Object.keys(value).length === 1;

/** JSON that comes back as it was: plain JSON has no large integers. */
export const toText = (value: unknown): string =>
  JSON.stringify(value, (_key, part: unknown) =>
    typeof part === "bigint" ? { [mark]: part.toString() } : part,
  );

export const fromText = (text: string): unknown =>
  JSON.parse(text, (_key, part: unknown) => (isMarked(part) ? BigInt(part[mark]) : part));
