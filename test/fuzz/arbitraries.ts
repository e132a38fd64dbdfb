import * as fc from "fast-check";
import { password } from "../support/basalt.ts";
import type { Operation, Parameter, Schema } from "./openapi.ts";

/** Who asks; `impostor` has a token that nobody has given them. */
const askers = ["anonymous", "member", "merchant", "admin", "impostor"] as const;
export type Asker = (typeof askers)[number];

/** A request as it is drawn: where it says `{{product 3}}`, some product that exists is meant. */
export type Request = {
  readonly operation: string;
  readonly asker: Asker;
  readonly path: Readonly<Record<string, string>>;
  readonly query: readonly (readonly [string, string])[];
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Bytes on a socket, as text of one byte a character. */
export type Garbage = { readonly raw: string };
export type Step = Request | Garbage;

/** Words that are used again, so that things meet. */
const words: Readonly<Record<string, readonly string[]>> = {
  "email address": ["ada@example.com", "bob@example.com"],
  password: [password],
  token: ["{{token 0}}", "{{token 1}}"],
  "link token": ["{{share 0}}", "{{share 1}}"],
  visit: ["{{visit 0}}"],
  sku: ["{{sku 0}}", "{{sku 1}}", "NONE"],
  slug: ["mug", "shirt"],
  "search text": ["mug", "shrit", "soft"],
  "attribute filter": ["colour:red"],
  currency: ["EUR", "USD", "JPY"],
  "price list": ["standard", "b2b"],
  location: ["main", "berlin"],
  role: ["member", "merchant", "gardener"],
  permission: ["products:read", "*:*"],
  "decimal number": ["1", "0.01", "-1", "9.90"],
};

const idPattern = /^\^([a-z]+)_\[0-7\]/;
const tooLong = 300;

const texts = fc.oneof(
  { weight: 6, arbitrary: fc.string({ maxLength: 30 }) },
  { weight: 3, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      "\u0000",
      "'; drop table users; --",
      "%00",
      "../../etc/passwd",
      "__proto__",
      "\ud800",
      "x".repeat(tooLong),
      "NaN",
      "1e999",
      "<script>",
      "{{7*7}}",
      "%",
      "_",
    ),
  },
);

function textOf(schema: Schema): fc.Arbitrary<string> {
  const { pattern, title = "", format, minLength = 0, maxLength = 100 } = schema;
  const [, kind] = idPattern.exec(pattern ?? "") ?? [];
  if (kind !== undefined) {
    const known = fc.oneof(fc.constant(0), fc.nat({ max: 9 })).map((n) => `{{${kind} ${n}}}`);
    return fc.oneof({ weight: 9, arbitrary: known }, fc.stringMatching(new RegExp(pattern ?? "")));
  }
  const some: fc.Arbitrary<string> =
    format === "date-time"
      ? fc
          .date({ min: new Date(2020, 0), max: new Date(2040, 0), noInvalidDate: true })
          .map((date) => date.toISOString())
      : format === "email"
        ? fc.emailAddress()
        : pattern === undefined
          ? fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 30) })
          : fc.stringMatching(new RegExp(pattern), { size: "small" });
  const usual = words[title];
  return usual ? fc.oneof({ weight: 4, arbitrary: fc.constantFrom(...usual) }, some) : some;
}

/** Values that fit a schema. */
export function fitting(schema: Schema): fc.Arbitrary<unknown> {
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if (schema.anyOf) return fc.oneof(...schema.anyOf.map(fitting));
  const { minimum: min = -1_000, maximum: max = 1_000 } = schema;
  switch (schema.type) {
    case "string":
      return textOf(schema);
    case "integer": {
      const small = fc.integer({ min, max: Math.min(max, min + 10) });
      return fc.oneof({ weight: 4, arbitrary: small }, fc.constantFrom(min, max));
    }
    case "number":
      return fc.double({ min, max, noNaN: true });
    case "boolean":
      return fc.boolean();
    case "null":
      return fc.constant(null);
    case "array":
      return fc.array(fitting(schema.items ?? {}), {
        maxLength: Math.min(schema.maxItems ?? 3, 3),
      });
    case "object": {
      const fields = Object.entries(schema.properties ?? {});
      return fc.record(Object.fromEntries(fields.map(([name, field]) => [name, fitting(field)])), {
        requiredKeys: [...(schema.required ?? [])],
      });
    }
    default:
      return fc.jsonValue();
  }
}

const odd: fc.Arbitrary<unknown> = fc.oneof(
  texts,
  fc.jsonValue({ maxDepth: 2 }),
  fc.constantFrom(null, -1, 1.5, 2 ** 53, -(2 ** 63), 1e308, "", [], {}, true),
);

/** Values that nearly fit: something is missing, too much, or another. */
function nearly(schema: Schema): fc.Arbitrary<unknown> {
  const names = Object.keys(schema.properties ?? {});
  if (names.length === 0) return odd;
  return fc
    .tuple(fitting(schema), fc.constantFrom(...names, "__proto__", "extra"), odd, fc.boolean())
    .map(([value, name, other, removes]) => {
      const { [name]: _, ...rest } = value as Record<string, unknown>;
      return removes ? rest : { ...rest, [name]: other };
    });
}

/** JSON for what JSON has no spelling for, too. */
const json = (value: unknown): string => JSON.stringify(value) ?? "undefined";

const csv = fc
  .tuple(
    fc.constantFrom(
      "sku,on_hand",
      "slug,name,status",
      "sku,currency,amount",
      "",
      "\ufeffsku,on_hand",
    ),
    fc.array(
      fc.array(fc.oneof(texts, fc.constantFrom("M", "1", "EUR", '"', '"a""b"')), { maxLength: 4 }),
      {
        maxLength: 5,
      },
    ),
  )
  .map(([columns, rows]) => [columns, ...rows.map((cells) => cells.join(","))].join("\r\n"));

function bodyOf({ body }: Operation): fc.Arbitrary<string | undefined> {
  if (!body) return fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, texts);
  const fits = body.mediaType === "text/csv" ? csv : fitting(body.schema).map(json);
  return fc.oneof(
    { weight: 12, arbitrary: fits },
    { weight: 5, arbitrary: nearly(body.schema).map(json) },
    { weight: 1, arbitrary: odd.map(json) },
    { weight: 1, arbitrary: texts },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

const asText = (value: unknown): string => (typeof value === "string" ? value : json(value));

const valuesOf = (parameters: readonly Parameter[]) =>
  fc
    .record(
      Object.fromEntries(
        parameters.map(({ name, schema }) => [
          name,
          fc.oneof({ weight: 9, arbitrary: fitting(schema) }, odd),
        ]),
      ),
      { requiredKeys: parameters.filter(({ required }) => required).map(({ name }) => name) },
    )
    .map((values) => Object.entries(values));

/** Contents have tags of their own. */
const tagsOf = (usual: "" | "r") => {
  const tags = (kind: string) => fc.integer({ min: 1, max: 4 }).map((n) => `"${kind}${n}"`);
  return fc.oneof(
    { weight: 6, arbitrary: tags(usual) },
    { weight: 2, arbitrary: tags(usual === "r" ? "" : "r") },
    fc.constantFrom("*", 'W/"1"', '"', "1", '"-1"', '"99999999999999999999"', '"1","2"'),
  );
};
const version = tagsOf("");
const header = fc.stringMatching(/^[aZ09 \-_.;:,"'%/\\{}é]{0,30}$/);
const headers = fc.record(
  {
    "if-match": version,
    "if-none-match": version,
    "idempotency-key": fc.oneof(fc.constantFrom("one", "two"), fc.uuid(), header),
    "x-request-id": header,
    "x-forwarded-for": header,
    origin: fc.oneof(fc.constantFrom("null", "https://evil.example"), header),
    traceparent: header,
    accept: header,
  },
  { requiredKeys: [] },
);
const mediaTypes = ["text/plain", "application/xml", "application/json; charset=utf-16", "x", ""];

function requestOf(operation: Operation): fc.Arbitrary<Request> {
  const [inPath, inQuery] = (["path", "query"] as const).map((where) =>
    operation.parameters.filter((parameter) => parameter.in === where),
  );
  const usual = operation.body?.mediaType ?? "application/json";
  const mediaType = fc.oneof(
    { weight: 20, arbitrary: fc.constant(usual) },
    fc.constantFrom(...mediaTypes),
  );
  const needsVersion = "428" in operation.responses;
  const isOfContent = /\/(content|revisions)\b/.test(operation.name);
  return fc
    .record({
      asker: fc.oneof(
        { weight: 6, arbitrary: fc.constant("admin" as const) },
        { weight: 4, arbitrary: fc.constant("member" as const) },
        { weight: 6, arbitrary: fc.constantFrom(...askers) },
      ),
      path: valuesOf(inPath ?? []),
      query: valuesOf(inQuery ?? []),
      headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, headers),
      version: tagsOf(isOfContent ? "r" : ""),
      mediaType,
      body: bodyOf(operation),
    })
    .map(({ asker, path, query, headers: more, version: tag, mediaType: type, body }) => ({
      operation: operation.name,
      asker,
      // An empty one would make another path of it.
      path: Object.fromEntries(path.map(([name, value]) => [name, asText(value) || "x"])),
      query: query.flatMap(([name, value]) =>
        (Array.isArray(value) ? value : [value]).map((one) => [name, asText(one)] as const),
      ),
      headers: {
        ...(needsVersion ? { "if-match": tag } : {}),
        ...more,
        ...(body === undefined ? {} : { "content-type": type }),
      },
      ...(body === undefined ? {} : { body }),
    }));
}

const bytes = fc.uint8Array({ maxLength: 200 }).map((some) => Buffer.from(some).toString("latin1"));
const requestLine = fc.constantFrom(
  "GET /api/v1/products HTTP/1.1",
  "POST /api/v1/users HTTP/1.1",
  "GET / HTTP/9.9",
  "PRI * HTTP/2.0",
  "GET /%00 HTTP/1.1",
  "GET /%ff%fe HTTP/1.1",
  "GET //////// HTTP/1.1",
  "GET http://x/ HTTP/1.1",
  "OPTIONS * HTTP/1.1",
  "CONNECT x:1 HTTP/1.1",
  "TRACE / HTTP/1.1",
  "FOO / HTTP/1.1",
  "GET /",
  "GET /api/v1/../../etc/passwd HTTP/1.1",
  `GET /${"a".repeat(20_000)} HTTP/1.1`,
);
const headerLine = fc.oneof(
  fc.constantFrom(
    "host: x",
    "host: x",
    "content-length: 5",
    "content-length: -1",
    "content-length: 5, 6",
    "transfer-encoding: chunked",
    "transfer-encoding: chunked, identity",
    "expect: 100-continue",
    "content-type: application/json",
    "connection: upgrade",
    "upgrade: websocket",
    ": empty",
    "no colon",
    "x: \u0000",
    `x: ${"y".repeat(20_000)}`,
    "authorization: Bearer x",
    "range: bytes=0-",
  ),
  bytes.map((some) => `x: ${some}`),
);
const garbage: fc.Arbitrary<Garbage> = fc
  .oneof(
    bytes,
    fc
      .tuple(requestLine, fc.array(headerLine, { maxLength: 5 }), bytes)
      .map(([line, lines, body]) => [line, ...lines, "", body].join("\r\n")),
  )
  .map((raw) => ({ raw }));

/** What a client sends in a row. */
export const sequences = (operations: readonly Operation[]): fc.Arbitrary<readonly Step[]> =>
  fc.array(
    fc.oneof(
      { weight: 12, arbitrary: fc.oneof(...operations.map(requestOf)) },
      { weight: 1, arbitrary: garbage },
    ),
    { minLength: 1, maxLength: 12 },
  );
