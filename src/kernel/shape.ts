import { err, ok, type Result } from "./result.ts";

declare const brand: unique symbol;

/** A `T` that only its own parser can make. */
export type Brand<T, Name extends string> = T & { readonly [brand]: Name };

/** Plain JSON Schema (draft 2020-12) data. The HTTP edge validates and documents with it. */
export type JsonSchema = { readonly [keyword: string]: unknown };

/**
 * A problem of one part of an input. `path` is a JSON pointer; "" is the whole input. `fits`: the part
 * fits its schema, and breaks a rule that a schema cannot say.
 */
export type Issue = { readonly path: string; readonly message: string; readonly fits?: true };

/** The input does not describe a value of the wanted kind. */
export type Invalid = { readonly type: "invalid"; readonly issues: readonly Issue[] };

/** A kind of value: how it looks as JSON Schema, and the only way to obtain one. */
export type Value<T> = {
  readonly schema: JsonSchema;
  readonly parse: (input: unknown) => Result<T, Invalid>;
};

export type Infer<V> = V extends Value<infer T> ? T : never;

type Primitive = string | number | boolean;
type BaseOf<B> = B extends string ? string : B extends number ? number : boolean;

const invalid = (message: string, path = "") =>
  err<Invalid>({ type: "invalid", issues: [{ path, message }] });

/** The input fits its schema, and breaks a rule that a schema cannot say. */
export const unruly = (message: string, path = "") =>
  err<Invalid>({ type: "invalid", issues: [{ path, message, fits: true }] });

/** A code point is one code unit or two, so that most texts, and those that are huge, need no counting. */
const isLonger = (text: string, most: number): boolean =>
  text.length > most && (text.length > 2 * most || lengthOf(text) > most);

const lengthOf = (text: string) => Array.from(text).length;

/** Of the formats of JSON Schema, those that are checked here; each in linear time. */
const formats: Readonly<Record<string, RegExp>> = {
  email: /^[^\s@]+@[^\s@.]+(?:\.[^\s@.]+)+$/,
};

type Broken = (value: Primitive) => string | undefined;

/** Says which JSON Schema keyword a scalar breaks first. Lengths count code points. */
function breaker(
  { minLength = 0, maxLength, pattern, format, ...more }: JsonSchema,
  says = "",
): Broken {
  const { minimum, maximum, enum: allowed } = more;
  const expression = typeof pattern === "string" ? new RegExp(pattern, "u") : undefined;
  const formed = typeof format === "string" ? formats[format] : undefined;
  const words = Array.isArray(allowed) ? new Set<unknown>(allowed) : undefined;

  const brokenText = (text: string): string | undefined => {
    if (typeof maxLength === "number" && isLonger(text, maxLength))
      return `must have at most ${maxLength} characters`;
    if (typeof minLength === "number" && minLength > 0 && lengthOf(text) < minLength)
      return `must have at least ${minLength} characters`;
    if (formed?.test(text) === false) return `must have the format ${format as string}`;
    return expression?.test(text) === false ? `must be ${says}` : undefined;
  };
  const brokenNumber = (value: number): string | undefined => {
    if (typeof minimum === "number" && value < minimum) return `must be at least ${minimum}`;
    if (typeof maximum === "number" && value > maximum) return `must be at most ${maximum}`;
    return undefined;
  };
  return (value) => {
    const reason =
      typeof value === "string"
        ? brokenText(value)
        : typeof value === "number"
          ? brokenNumber(value)
          : undefined;
    if (reason !== undefined || !words || words.has(value)) return reason;
    return says === "" ? `must be one of ${[...words].join(", ")}` : `must be ${says}`;
  };
}

const isOfType = (type: unknown, value: unknown): value is Primitive =>
  type === "integer" ? Number.isSafeInteger(value) : typeof value === type;

/** A text with NUL or half a character is one that databases and JSON cannot keep. */
const isGarbled = (value: Primitive): boolean =>
  typeof value === "string" && (!value.isWellFormed() || value.includes("\0"));

/** A whole number is one that JavaScript holds exactly. */
const safeInteger = {
  format: "int64",
  minimum: Number.MIN_SAFE_INTEGER,
  maximum: Number.MAX_SAFE_INTEGER,
} as const;

type ScalarSchema = JsonSchema & { readonly type: "string" | "integer" | "number" | "boolean" };
/** A pattern comes with words for people: `says` goes on after "must be". */
type SaidSchema =
  | { readonly schema: ScalarSchema & { readonly pattern?: undefined }; readonly says?: string }
  | { readonly schema: ScalarSchema & { readonly pattern: string }; readonly says: string };

const withArticle = (name: string): string => `${/^[aeiou]/i.test(name) ? "an" : "a"} ${name}`;

/**
 * A branded scalar. `schema` bounds it, `parse` (optional) normalises it, or answers undefined
 * where it breaks a rule that a schema cannot say. The schema is checked after normalising.
 */
export function branded<B extends Primitive>(
  name: string,
  definition: SaidSchema & {
    readonly parse?: (input: BaseOf<B>) => BaseOf<B> | undefined;
  },
): Value<B> {
  const { schema, says, parse = (input) => input } = definition;
  const broken = breaker(schema, says);
  const isSaidText = schema.type === "string" && says !== undefined;
  const wanted = isSaidText ? `a text: ${says}` : withArticle(name);
  return {
    schema: { title: name, ...(schema.type === "integer" ? safeInteger : {}), ...schema },
    parse(input) {
      if (!isOfType(schema.type, input)) return invalid(`must be ${wanted}`);
      if (isGarbled(input)) return unruly("must be well-formed text");
      const value = parse(input as BaseOf<B>);
      const reason = value === undefined ? `must be ${says ?? `a valid ${name}`}` : broken(value);
      if (reason === undefined) return ok(value as unknown as B);
      const unfit = broken(input);
      return unfit === undefined ? unruly(reason) : invalid(unfit);
    },
  };
}

/** One of these words. */
export const oneOf = <const Word extends string>(...words: readonly Word[]): Value<Word> =>
  branded<Word>("word", { schema: { type: "string", enum: words } });

/** A JSON object that is handed on unread to its consumer. */
export const opaque = (name: string): Value<{ readonly [field: string]: unknown }> => ({
  schema: { title: name, type: "object", additionalProperties: true },
  parse: (input) => (isRecord(input) ? ok(input) : invalid(`must be ${withArticle(name)}`)),
});

/** A value that the edge has made, such as a stream, whose content no schema describes. */
export const handedOver = <T>(name: string, schema: JsonSchema): Value<T> => ({
  schema: { title: name, ...schema },
  parse: (input) => ok(input as T),
});

/** A value, or `null` to clear the field. */
export const orNull = <T>(value: Value<T>): Value<T | null> => ({
  schema: { anyOf: [value.schema, { type: "null" }] },
  parse: (input) => (input === null ? ok(null) : value.parse(input)),
});

/** A value that may be missing. Only as a field of a `shape`. */
export type Optional<T> = Value<T> & { readonly optional: true };

export const optional = <T>(value: Value<T>): Optional<T> => ({ ...value, optional: true });

export type Fields = { readonly [field: string]: Value<unknown> };

type OptionalKeys<F extends Fields> = {
  [K in keyof F]: F[K] extends { readonly optional: true } ? K : never;
}[keyof F];

/** The record that a `shape` of these fields parses to. */
export type ShapeOf<F extends Fields> = {
  readonly [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]>;
} & { readonly [K in OptionalKeys<F>]?: Infer<F[K]> };

const isRecord = (input: unknown): input is Record<string, unknown> =>
  typeof input === "object" && input !== null && !Array.isArray(input);

/** One step of a JSON pointer (RFC 6901). */
export const pointerTo = (key: string | number): string =>
  `/${String(key).replaceAll("~", "~0").replaceAll("/", "~1")}`;

const below = (key: string | number, issues: readonly Issue[]) =>
  issues.map((issue) => ({ ...issue, path: pointerTo(key) + issue.path }));

/** A record of values. Unknown fields are refused; every broken field is reported. */
export const shape = <const F extends Fields>(fields: F) => record(fields, false);

/** The shape under a name, by which documents refer to it. */
export const named = <V extends Value<unknown>>(name: string, value: V): V => ({
  ...value,
  schema: { ...value.schema, title: name },
});

/** The like with words for people who read the API: what it says, where its name does not. */
export const described = <V extends Value<unknown>>(description: string, value: V): V => ({
  ...value,
  schema: { ...value.schema, description },
});

/** The like with more fields, which are handed on unread: a record that others define. */
export const openShape = <const F extends Fields>(fields: F) => record(fields, true);

function record<const F extends Fields>(
  fields: F,
  isOpen: boolean,
): Value<ShapeOf<F>> & { readonly fields: F } {
  const entries = Object.entries(fields).map(
    ([name, value]) => ({ name, value, optional: "optional" in value }) as const,
  );
  const schema = {
    type: "object",
    properties: Object.fromEntries(entries.map(({ name, value }) => [name, value.schema])),
    required: entries.filter((entry) => !entry.optional).map(({ name }) => name),
    additionalProperties: isOpen,
  };
  return {
    fields,
    schema,
    parse(input) {
      if (!isRecord(input)) return invalid("must be an object");
      const issues: Issue[] = [];
      const parsed: Record<string, unknown> = isOpen ? { ...input } : {};
      for (const { name, value, optional } of entries) {
        const field = Object.hasOwn(input, name) ? input[name] : undefined;
        if (field === undefined) {
          if (!optional) issues.push({ path: pointerTo(name), message: "is required" });
          continue;
        }
        const result = value.parse(field);
        if (result.ok) parsed[name] = result.value;
        else issues.push(...below(name, result.error.issues));
      }
      if (!isOpen) issues.push(...unexpected(input, fields));
      return issues.length === 0
        ? ok(parsed as ShapeOf<F>)
        : err<Invalid>({ type: "invalid", issues });
    },
  };
}

/** Unknown fields that are told, at most: an input may have any number. */
const maxUnexpected = 20;

function unexpected(input: object, fields: Fields): readonly Issue[] {
  const issues: Issue[] = [];
  for (const name in input) {
    if (Object.hasOwn(fields, name) || !Object.hasOwn(input, name)) continue;
    issues.push({ path: pointerTo(name), message: "is not expected" });
    if (issues.length === maxUnexpected) break;
  }
  return issues;
}

/** A list as one text, as in a query: `A,B,C`. At most `maxItems` values, none of which has a comma. */
export function commaSeparated<T>(item: Value<T>, maxItems: number): Value<readonly T[]> {
  const items = list(item, maxItems);
  const maxLength = maxItems * (Number(item.schema["maxLength"] ?? 0) + 1);
  return {
    schema: { type: "string", description: "comma separated", minLength: 1, maxLength },
    parse: (input) =>
      typeof input === "string" ? items.parse(input.split(",")) : invalid("must be a text"),
  };
}

/** A list of at most `maxItems` values. */
export function list<T>(item: Value<T>, maxItems: number): Value<readonly T[]> {
  return {
    schema: { type: "array", items: item.schema, maxItems },
    parse(input) {
      if (!Array.isArray(input)) return invalid("must be a list");
      if (input.length > maxItems) return invalid(`must have at most ${maxItems} items`);
      const issues: Issue[] = [];
      const parsed: T[] = [];
      for (const [index, element] of input.entries()) {
        const result = item.parse(element);
        if (result.ok) parsed.push(result.value);
        else issues.push(...below(index, result.error.issues));
      }
      return issues.length === 0 ? ok(parsed) : err<Invalid>({ type: "invalid", issues });
    },
  };
}
