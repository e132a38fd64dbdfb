import type { Issue, JsonSchema } from "#kernel/shape.ts";
import { codeOf, problemMediaType, problemSchema } from "./problem.ts";
import { entityTag, versionField, type Route, type UploadedBody } from "./route.ts";
import { isSchema, nameOfPart } from "./validating.ts";

type Part = "params" | "querystring" | "body";

const inPath = ({ path }: Route): ReadonlySet<string> =>
  new Set([...path.matchAll(/:(\w+)/g)].map(([, name]) => name ?? ""));

const partOf = (route: Route, params: ReadonlySet<string>, field: string): Part => {
  if (params.has(field)) return "params";
  return route.method === "GET" || route.method === "DELETE" || route.upload
    ? "querystring"
    : "body";
};

const cursor = { title: "cursor", description: "The `nextCursor` of the page before" };

/** The issues of an input, where its fields stand in the request. */
export function placedIn(route: Route, issues: readonly Issue[]): readonly Issue[] {
  const params = inPath(route);
  return issues.map(({ path, message }) => {
    const field = path.split("/")[1] ?? "";
    const prefix = nameOfPart[partOf(route, params, field)] ?? "";
    return { path: prefix + path, message };
  });
}

function partSchemas(route: Route): Partial<Record<Part, JsonSchema>> {
  const params = inPath(route);
  const schemas: Partial<
    Record<Part, { properties: Record<string, unknown>; required: string[] }>
  > =
    route.method === "GET" || route.method === "DELETE"
      ? { querystring: { properties: {}, required: [] } }
      : {};
  for (const [field, value] of Object.entries(route.input.fields)) {
    if (field === versionField || field === route.upload?.field) continue;
    const part = (schemas[partOf(route, params, field)] ??= { properties: {}, required: [] });
    part.properties[field] = field === "cursor" ? { ...value.schema, ...cursor } : value.schema;
    if (!("optional" in value)) part.required.push(field);
  }
  return Object.fromEntries(
    Object.entries(schemas).map(([part, schema]) => [
      part,
      { type: "object", additionalProperties: false, ...schema },
    ]),
  );
}

const count = (description: string) => ({
  type: "integer",
  format: "int64",
  minimum: 0,
  maximum: 2 ** 31,
  description,
});
/** On every answer: to a request that was counted, and from a page of an allowed origin. */
const answerHeaders = {
  "Access-Control-Allow-Origin": {
    type: "string",
    maxLength: 1_000,
    description: "The origin of the calling page, if it is allowed",
  },
  "RateLimit-Limit": count("Requests or attempts allowed per window"),
  "RateLimit-Remaining": count("Requests or attempts left in this window"),
  "RateLimit-Reset": count("Seconds until the window ends"),
};

const busyHeaders = {
  ...answerHeaders,
  "Retry-After": count("Seconds to wait before the request is sent again"),
};
const busy: ReadonlySet<number> = new Set([429, 503]);

const problemAnswer = (status: number, description: string) => ({
  description,
  headers: busy.has(status) ? busyHeaders : answerHeaders,
  content: { [problemMediaType]: { schema: { $ref: `${problemSchema.$id}#` } } },
});

const bodyRefusals = {
  413: problemAnswer(413, "PAYLOAD_TOO_LARGE: the body exceeds the size limit"),
  415: problemAnswer(415, "UNSUPPORTED_MEDIA_TYPE: the route does not accept this media type"),
};

/** Which refusals lead to each status, as text of the OpenAPI document. */
function refusalAnswers(route: Route): Record<number, unknown> {
  const byStatus = new Map<number, string[]>();
  for (const [type, status] of Object.entries(route.refusals))
    byStatus.set(status, [...(byStatus.get(status) ?? []), codeOf(type)]);
  const add = (status: number, text: string) =>
    byStatus.set(status, [...(byStatus.get(status) ?? []), text]);
  if (route.access !== "public") add(401, "UNAUTHENTICATED: no valid access token or API key");
  if (requiresMatch(route)) add(428, "PRECONDITION_REQUIRED: If-Match is missing");
  add(429, "TOO_MANY_REQUESTS: try again after Retry-After seconds");
  add(422, "VALIDATION_FAILED: a value fits its schema and breaks another rule");
  if (route.method !== "GET")
    add(422, "IDEMPOTENCY_KEY_REUSED: the key was sent before with another request");
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [status, problemAnswer(status, codes.join(", "))]),
  );
}

/** Whether the version to change must be named. */
export const requiresMatch = ({ input }: Route): boolean => {
  const field = input.fields[versionField];
  return field !== undefined && !("optional" in field);
};

/** Whether a version to change may be named. */
export const takesMatch = ({ input }: Route): boolean => versionField in input.fields;

/** The documented limit of a streamed answer. */
const maxLength = 2 ** 31;
const header = { type: "string", maxLength: 1_000 } as const;

const headerSchemas = (route: Route) => ({
  type: "object",
  ...(requiresMatch(route) ? { required: ["if-match"] } : {}),
  properties: {
    ...(route.method === "GET"
      ? {}
      : {
          "idempotency-key": {
            ...header,
            description:
              "Makes retries safe: a repeated request gets the first response, and nothing is done twice",
          },
        }),
    ...(takesMatch(route)
      ? {
          "if-match": {
            ...header,
            description: `The ETag of the version to change, as in ${entityTag(3, route.tagKind)}; 412 if it is no longer current`,
          },
        }
      : {}),
    ...(isRanged(route)
      ? {
          range: { ...header, description: "The part that is wanted, as in `bytes=0-1023`" },
          "if-range": {
            ...header,
            description: "The ETag that the part must be of; the whole is sent otherwise",
          },
        }
      : {}),
    ...(isCacheable(route)
      ? {
          "if-none-match": {
            ...header,
            description:
              "An ETag from an earlier response; while it is current, the response is 304",
          },
        }
      : {}),
  },
});

/** How OpenAPI says that a bearer token is wanted. */
export const bearerScheme = {
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "An access token from POST /sessions, or an API key",
  },
} as const;

/** A form with one file. */
const form = ({ maxBytes = 2 ** 31 }: UploadedBody) =>
  ({
    type: "object",
    required: ["file"],
    properties: { file: { type: "string", format: "binary", maxLength: maxBytes } },
  }) as const;

/** Known to OpenAPI; nothing validates it here, since it has not arrived. */
const uploadSchema = ({ upload, input }: Route) =>
  upload
    ? {
        body: {
          content: Object.fromEntries(
            [...upload.mediaTypes, "multipart/form-data"].map((type) => [
              type,
              {
                schema: type.startsWith("multipart")
                  ? form(upload)
                  : input.fields[upload.field]?.schema,
              },
            ]),
          ),
        },
      }
    : {};

/** The response says a version that `If-None-Match` may name later. */
const isCacheable = ({ method, version, isComposed }: Route): boolean =>
  method === "GET" && version !== undefined && !isComposed;

const successHeaders = ({ version, location, tagKind }: Route) => ({
  ...answerHeaders,
  ...(version && {
    ETag: {
      ...header,
      description: `The version of the resource, for If-Match, as in \`${entityTag(3, tagKind)}\``,
    },
  }),
  ...(location && { Location: { ...header, description: "The path of the new resource" } }),
});

const json = "application/json";

/** A schema has a name of its own if its title is one. */
const nameOf = ({ title, type }: JsonSchema): string | undefined =>
  type === "object" && typeof title === "string" && /^[A-Z]\w*$/.test(title) ? title : undefined;

/** The schema with references in the place of the named ones in it; all of them are told. */
function referring(
  schema: JsonSchema,
  found: (name: string, schema: JsonSchema) => void = () => {},
) {
  const within = (part: unknown): unknown => {
    if (Array.isArray(part)) return part.map(within);
    if (!isSchema(part)) return part;
    const parts = Object.fromEntries(
      Object.entries(part).map(([key, value]) => [key, within(value)]),
    );
    const name = nameOf(part);
    if (name === undefined) return parts;
    found(name, parts);
    return { $ref: `${name}#` };
  };
  return within(schema) as JsonSchema;
}

/** The named schemas of what routes answer. Two of one name must be the same. */
export function componentsOf(
  routes: readonly Route[],
): readonly (JsonSchema & { readonly $id: string })[] {
  const components = new Map<string, JsonSchema & { readonly $id: string }>();
  for (const { output } of routes)
    if (output)
      referring(output.schema, (name, schema) => {
        const known = components.get(name);
        const component = { $id: name, ...schema };
        if (known && JSON.stringify(known) !== JSON.stringify(component))
          throw new Error(`two schemas are named ${name}`);
        components.set(name, component);
      });
  return [...components.values()];
}

const fileContentOf = ({
  mediaType = "application/octet-stream",
}: {
  readonly mediaType?: string;
}) => ({
  [mediaType]: { schema: { type: "string", format: "binary", maxLength: 2 ** 53 - 1 } },
});

const isRanged = ({ download }: Route) => download !== undefined && download.isMade !== true;

/** A file may be asked for in part. */
const partSchemasOf = (route: Route) =>
  isRanged(route)
    ? {
        206: {
          description: "The part that Range asked for",
          headers: {
            ...successHeaders(route),
            "Content-Range": { ...header, description: "The part and the size of the whole" },
          },
          content: fileContentOf({}),
        },
        416: problemAnswer(416, "RANGE_NOT_SATISFIABLE: the file ends before the part begins"),
      }
    : {};

function successSchema(route: Route) {
  const { output, stream, download } = route;
  const description = output || stream || download ? "Success" : "Success, without a body";
  const told = { description, headers: successHeaders(route) };
  if (stream)
    return {
      ...told,
      content: Object.fromEntries(
        stream.mediaTypes.map((type) => [type, { schema: { type: "string", maxLength } }]),
      ),
    };
  if (download) return { ...told, content: fileContentOf(download) };
  if (!output) return { ...told, type: "null" };
  return { ...told, content: { [json]: { schema: referring(output.schema) } } };
}

const notModified = (route: Route) => ({
  description: "The client has the current version",
  headers: successHeaders(route),
  type: "null",
});

/** The subject of a route, which is the first part of its path. */
export const tagOf = ({ path }: Pick<Route, "path">): string => path.split("/")[1] ?? "basalt";

const securityOf = ({ access }: Route) =>
  access === "public" ? [] : [...(access === "anyone" ? [{}] : []), { bearer: [] }];

/** One declaration: validation, serialisation and OpenAPI. */
export function fastifySchema(route: Route) {
  return {
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    operationId: route.id,
    tags: [tagOf(route)],
    security: securityOf(route),
    headers: headerSchemas(route),
    ...partSchemas(route),
    ...uploadSchema(route),
    response: {
      [route.success]: successSchema(route),
      ...partSchemasOf(route),
      ...(isCacheable(route) && { 304: notModified(route) }),
      400: problemAnswer(400, "VALIDATION_FAILED: the request does not fit its schema"),
      ...(route.method === "GET" ? {} : bodyRefusals),
      ...refusalAnswers(route),
      500: problemAnswer(500, "INTERNAL_ERROR"),
      503: problemAnswer(503, "UNAVAILABLE: try again after Retry-After seconds"),
    },
  };
}
