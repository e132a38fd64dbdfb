import { branded, type Value } from "./shape.ts";

/** Joins emoji and letters of some scripts, though it has no form of its own. */
const joiner = /\u200C|\u200D|[\u{E0020}-\u{E007F}]/u;
/** Controls, marks of direction, and what has no form at all. */
const formless = /[\p{C}\u2028\u2029]/gu;
/** A character that a reader sees. */
const seen = /[^\s\p{C}\p{Default_Ignorable_Code_Point}\u2800]/u;

const shown = (text: string): string =>
  text.normalize("NFC").replaceAll(formless, (found) => (joiner.test(found) ? found : ""));

type Lengths = { readonly min?: number; readonly max: number };

const free = <Name extends string>(
  name: string,
  { min = 0, max }: Lengths,
  normalised: (text: string) => string,
  longest = 4 * max + 100,
): Value<Name> =>
  branded<string>(name, {
    schema: { type: "string", ...(min > 0 && { minLength: min }), maxLength: max },
    parse(input) {
      if (input.length > longest) return input; // the schema refuses it, whatever it would become
      const text = normalised(input);
      return text === "" || seen.test(text) ? text : undefined;
    },
  }) as Value<Name>;

/**
 * One line that people write and read: in Unicode's form NFC, without control, direction and invisible
 * characters, runs of white space as one space. Lengths are in code points.
 */
export const line = <Name extends string>(name: string, lengths: Lengths): Value<Name> =>
  free(name, lengths, (text) => shown(text.replaceAll(/\s+/g, " ")).trim());

/** The like of several lines: line breaks and tabs stay. */
export const lines = <Name extends string>(name: string, lengths: Lengths): Value<Name> =>
  free(name, lengths, (text) =>
    text
      .replaceAll(/\r\n?/g, "\n")
      .split(/([\n\t])/)
      .map((part) => (part === "\n" || part === "\t" ? part : shown(part)))
      .join("")
      .trim(),
  );
