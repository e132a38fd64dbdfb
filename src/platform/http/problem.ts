import type { Issue } from "#kernel/shape.ts";

/** An RFC 9457 problem. `code` is for programs; `correlationId` finds the log lines. */
export type Problem = {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail?: string;
  readonly code: string;
  readonly correlationId: string;
  /** The issues of an input, by JSON pointer. */
  readonly errors?: readonly Issue[];
  /** Details of the refusal. */
  readonly details?: Readonly<Record<string, unknown>>;
};

export const problemMediaType = "application/problem+json";

/** The limit of listed issues: a hostile body could have any number. */
const maxErrorsShown = 20;

type ProblemOptions = {
  readonly status: number;
  readonly correlationId: string;
  readonly detail?: string | undefined;
  readonly errors?: readonly Issue[];
  readonly details?: Readonly<Record<string, unknown>>;
};

const titleOf = (type: string): string => {
  const words = type.replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** `user-not-found` becomes `USER_NOT_FOUND`. */
export const codeOf = (type: string): string => type.replaceAll("-", "_").toUpperCase();

/** A refusal as it is told, titled `User not found`. */
export function problem(
  type: string,
  { status, correlationId, detail, errors, details = {} }: ProblemOptions,
): Problem {
  return {
    type: `urn:basalt:problem:${type}`,
    title: titleOf(type),
    status,
    ...(detail === undefined ? {} : { detail }),
    code: codeOf(type),
    correlationId,
    ...(errors === undefined ? {} : { errors: errors.slice(0, maxErrorsShown) }),
    ...(Object.keys(details).length === 0 ? {} : { details }),
  };
}

const maxSentence = 500;

/** `currentVersion` becomes `current version`. */
const spoken = (name: string) => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const isIssue = (value: unknown): value is Issue =>
  typeof value === "object" && value !== null && "path" in value && "message" in value;

type Spelled = { readonly amount: string; readonly currency: string };
const isMoney = (value: unknown): value is Spelled =>
  typeof value === "object" && value !== null && "amount" in value && "currency" in value;

const said = (value: unknown): string => {
  if (isMoney(value)) return `${value.amount} ${value.currency}`;
  if (isIssue(value)) return `${value.path.slice(1)} ${value.message}`;
  if (Array.isArray(value)) return value.map(said).join(", ");
  return typeof value === "string" ? value : JSON.stringify(value);
};

/** Says what a refusal is about: `User not found: user id user_01….`, `Transfer invalid: not positive; leg 0.` */
export function sentenceOf(type: string, details: Readonly<Record<string, unknown>>): string {
  const about = Object.entries(details)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => {
      if (name === "reason") return said(value).replaceAll("-", " ");
      return name === "issues" ? said(value) : `${spoken(name)} ${said(value)}`;
    });
  const title = titleOf(type);
  const sentence = about.length === 0 ? title : `${title}: ${about.join("; ")}`;
  return sentence.length > maxSentence ? `${sentence.slice(0, maxSentence)}…` : `${sentence}.`;
}

/** Bounds of Basalt's own texts, since the API document should promise no endless text. */
const text = { type: "string", maxLength: 2_000 };

const pointing =
  "JSON pointer into the body; parameters begin with `/query/`, `/path/` or `/headers/`";

export const problemSchema = {
  $id: "Problem",
  title: "Problem",
  description: "RFC 9457 problem details",
  type: "object",
  required: ["type", "title", "status", "code", "correlationId"],
  properties: {
    type: { ...text, format: "uri" },
    title: text,
    status: { type: "integer", format: "int32", minimum: 400, maximum: 599 },
    detail: text,
    code: { ...text, description: "The problem `type` in upper snake case" },
    correlationId: {
      ...text,
      description: "Identifies the request in `x-request-id`, logs, traces and events",
    },
    errors: {
      type: "array",
      maxItems: maxErrorsShown,
      items: {
        type: "object",
        properties: { path: { ...text, description: pointing }, message: text },
        required: ["path", "message"],
      },
    },
    details: { type: "object", additionalProperties: true },
  },
} as const;

const typesByStatus: Readonly<Record<number, string>> = {
  400: "bad-request",
  404: "not-found",
  405: "method-not-allowed",
  406: "not-acceptable",
  408: "request-timeout",
  413: "payload-too-large",
  414: "uri-too-long",
  415: "unsupported-media-type",
  431: "request-header-fields-too-large",
  503: "unavailable",
};

/** The problem type of an answer that no handler gave. */
export const typeOfStatus = (status: number): string =>
  typesByStatus[status] ?? (status < 500 ? "bad-request" : "internal-error");
