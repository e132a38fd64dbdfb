import { Ajv, type ValidateFunction } from "ajv";
import type { Asker } from "./arbitraries.ts";
import type { OpenApi, Operation } from "./openapi.ts";

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly body: string;
};

/** What tells a stranger how Basalt is made. Nothing that is asked contains it. */
const indiscreet =
  /\bat \S+ \(|\.ts:\d+|node:internal|node_modules|(?:insert into|select \S+ from|update \S+ set) |syntax error at|violates \S+ constraint|relation "/i;
export const isIndiscreet = (text: string): boolean => indiscreet.test(text);

/** Of what was declared or said, the first that an answer does not keep; undefined if it keeps all. */
export type Judge = (operation: Operation, asker: Asker, answer: Answer) => string | undefined;

const pointer = (...names: readonly string[]) =>
  names
    .map((name) => encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1")))
    .join("/");

export function judgeOf(openApi: OpenApi): Judge {
  const ajv = new Ajv({ strict: false, validateFormats: false }).addSchema(openApi, "openapi");
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = ({ path, method }: Operation, status: string, mediaType: string) => {
    const at = pointer(
      "paths",
      path,
      method.toLowerCase(),
      "responses",
      status,
      "content",
      mediaType,
    );
    let validator = validators.get(at);
    if (!validator) {
      validator = ajv.compile({ $ref: `openapi#/${at}/schema` });
      validators.set(at, validator);
    }
    return validator;
  };
  return (operation, asker, { status, headers, body }) => {
    if (status >= 500) return `answers ${status}`;
    if (isIndiscreet(body)) return "tells how it is made";
    if (headers["x-content-type-options"] !== "nosniff" || !headers["x-request-id"])
      return "lacks a header that every answer has";
    const isStranger = asker === "anonymous" || asker === "impostor";
    if (isStranger && !operation.isOpen && status !== 401)
      return `answers ${status} to somebody who has not signed in`;
    if (status === 304) return body === "" ? undefined : "has a body with 304";
    const declared = operation.responses[status];
    if (!declared) return `answers ${status}, which is not declared`;
    const mediaType = String(headers["content-type"] ?? "").split(";")[0] ?? "";
    const content = declared.content ?? {};
    if (Object.keys(content).length === 0)
      return body === "" ? undefined : `has a body with ${status}, which is declared without`;
    if (!content[mediaType]) return `answers ${mediaType}, which is not declared`;
    if (!/[/+]json$/.test(mediaType)) return undefined;
    const isFitting = validatorOf(operation, String(status), mediaType);
    if (isFitting(parsed(body))) return undefined;
    return `does not fit its schema: ${ajv.errorsText(isFitting.errors)}`;
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}
