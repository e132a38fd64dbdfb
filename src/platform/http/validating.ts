import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import { pointerTo, type Issue, type JsonSchema } from "#kernel/shape.ts";

/** Query and path arrive as text: numbers are read from it, and one value may be a list of one. */
const coercing = new Ajv({ allErrors: true, strict: false, coerceTypes: "array" });

/** Keywords about texts and numbers. Values normalise before they match these. */
const ofScalars: ReadonlySet<string> = new Set([
  "enum",
  "format",
  "maxLength",
  "maximum",
  "minLength",
  "minimum",
  "pattern",
]);
export const isSchema = (part: unknown): part is JsonSchema =>
  typeof part === "object" && part !== null;

/** The structure that a schema describes: types, fields and lists, without the rules of scalars. */
function structureOf(schema: JsonSchema): JsonSchema {
  const { properties, items, anyOf } = schema;
  const kept = Object.entries(schema).filter(([keyword]) => !ofScalars.has(keyword));
  return {
    ...Object.fromEntries(kept),
    ...(isSchema(properties) && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, field]) => [name, structureOf(field as JsonSchema)]),
      ),
    }),
    ...(isSchema(items) && { items: structureOf(items) }),
    ...(Array.isArray(anyOf) && { anyOf: (anyOf as readonly JsonSchema[]).map(structureOf) }),
  };
}

type Validate = { (part: unknown): boolean; errors?: ErrorObject[] | null };

/**
 * Validates the structure of what arrives as text; its scalars are parsed with the input. A body is
 * checked by the shape of the input alone, which looks at no more than it needs to refuse. A validator
 * is made for the first request that needs it.
 */
export function compile({ schema, httpPart }: { schema: unknown; httpPart?: string }): Validate {
  if (httpPart === "body") return () => true;
  let made: ValidateFunction | undefined;
  const validate: Validate = (part) => {
    made ??= coercing.compile(checkedOf(schema as JsonSchema, httpPart));
    const isValid = made(part);
    validate.errors = made.errors ?? null;
    return isValid;
  };
  return validate;
}

/** A header that is missing is told by its own status. */
function checkedOf(schema: JsonSchema, httpPart?: string): JsonSchema {
  const { required, ...structure } = structureOf(schema);
  return httpPart === "headers" || required === undefined ? structure : { ...structure, required };
}

/** Where the parts of a request stand in the pointers of issues. */
export const nameOfPart: Readonly<Record<string, string>> = {
  querystring: "/query",
  params: "/path",
  headers: "/headers",
};

/** The errors of a schema by JSON pointer: into the body, or below `/query`, `/path`, `/headers`. */
export function issuesOf(errors: readonly ErrorObject[], part = "body"): readonly Issue[] {
  const prefix = nameOfPart[part] ?? "";
  return errors.map(({ instancePath, params, message = "is not valid" }) => {
    const path = prefix + instancePath;
    const missing = params["missingProperty"] as string | undefined;
    if (missing !== undefined) return { path: path + pointerTo(missing), message: "is required" };
    const unexpected = params["additionalProperty"] as string | undefined;
    if (unexpected !== undefined)
      return { path: path + pointerTo(unexpected), message: "is not expected" };
    return { path, message };
  });
}
