import type { FastifyInstance } from "fastify";

/**
 * Objects and lists within each other, and values in all, at most: more have no use, and exhaust what
 * reads them, or hold it for long.
 */
const [maxDepth, maxValues] = [64, 20_000];

const [quote, backslash, comma] = [0x22, 0x5c, 0x2c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** What is too much of a body, in one pass over its bytes, before anything is parsed. */
function excessOf(bytes: Uint8Array): string | undefined {
  let [depth, values, isInText] = [0, 1, false];
  for (let i = 0; i < bytes.length; i += 1) {
    const byte = bytes[i];
    if (isInText) {
      if (byte === backslash) i += 1;
      else if (byte === quote) isInText = false;
    } else if (byte === quote) isInText = true;
    else if (byte === openObject || byte === openList) {
      depth += 1;
      if (depth > maxDepth) return `nests deeper than ${maxDepth} levels`;
    } else if (byte === closeObject || byte === closeList) depth -= 1;
    else if (byte === comma) {
      values += 1;
      if (values > maxValues) return `has more than ${maxValues} values`;
    }
  }
  return undefined;
}

const refused = (statusCode: number, message: string) =>
  Object.assign(new Error(message), { statusCode });

/** Bytes that are no JSON, no UTF-8, or too much of it. The message says what the body is. */
export class JsonRefused extends Error {
  override readonly name = "JsonRefused";
}

/** Text in UTF-8 that nests and counts no more than JSON may. Throws `JsonRefused`. */
function textOfJson(bytes: Uint8Array): string {
  const excess = excessOf(bytes);
  if (excess !== undefined) throw new JsonRefused(excess);
  try {
    return utf8.decode(bytes);
  } catch {
    throw new JsonRefused("is not in UTF-8");
  }
}

/** The value of JSON that is no body of an operation, within the same limits. Throws `JsonRefused`. */
export function readJson(bytes: Uint8Array): unknown {
  const text = textOfJson(bytes);
  try {
    return JSON.parse(text);
  } catch {
    throw new JsonRefused("is not JSON");
  }
}

const utf8 = new TextDecoder("utf-8", { fatal: true });
const charsetOf = (type = ""): string => /;\s*charset="?([\w-]+)/i.exec(type)?.[1] ?? "utf-8";

/** Takes JSON bodies in UTF-8 of a limited depth. An empty body is none. */
export function takeJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser("error", "error");
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (request, body, done) => {
    const bytes = body as Buffer;
    const { "content-type": type, "content-encoding": encoding } = request.headers;
    if (encoding !== undefined) return done(refused(415, "The body must not be encoded"));
    if (!/^utf-?8$/i.test(charsetOf(type))) return done(refused(415, "The charset must be UTF-8"));
    if (bytes.length === 0) return done(null, undefined);
    let text: string;
    try {
      text = textOfJson(bytes);
    } catch (error) {
      return done(
        error instanceof JsonRefused ? refused(400, `The body ${error.message}`) : (error as Error),
      );
    }
    const isObject = (value: unknown) =>
      typeof value === "object" && value !== null && !Array.isArray(value);
    return parse(request, text, (error: Error | null, value?: unknown) => {
      if (error || isObject(value)) return done(error, value);
      return done(refused(400, "The body must be a JSON object"));
    });
  });
}
