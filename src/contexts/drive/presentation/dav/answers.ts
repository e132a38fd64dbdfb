import type { TextAnswer } from "#platform/http/door.ts";
import { codeOf, sentenceOf } from "#platform/http/problem.ts";
import { maxOpenStagings, maxPieces } from "../../domain/staging.ts";
import { escaped } from "./xml.ts";

/** What each refusal is in the statuses of WebDAV: one of a use case without a status does not compile. */
const statuses = {
  "xml-invalid": 400,
  "xml-too-large": 413,
  "too-much-asked": 413,
  "path-invalid": 400,
  "header-invalid": 400,
  "method-not-allowed": 405,
  "no-such-place": 409,
  "name-refused": 403,
  "space-not-made-here": 403,
  "same-resource": 403,
  "other-server": 502,
  "body-refused": 415,
  "token-missing": 423,
  "token-unknown": 409,
  "node-not-found": 404,
  "space-not-found": 404,
  "path-not-found": 404,
  "revision-not-found": 404,
  "node-in-trash": 404,
  forbidden: 403,
  "not-a-folder": 409,
  "not-a-file": 405,
  "node-is-root": 403,
  "node-cycle": 403,
  "too-deep": 403,
  "other-space": 403,
  "too-many-nodes": 403,
  "name-taken": 412,
  "precondition-failed": 412,
  "stale-revision": 412,
  "node-locked": 423,
  "lock-not-found": 412,
  "too-many-locks": 507,
  "too-many-properties": 507,
  "quota-exceeded": 507,
  "file-too-large": 413,
  conflict: 503,
  "other-spelling": 409,
  "staging-not-found": 404,
  "staging-exists": 405,
  "staging-sealed": 409,
  "offset-mismatch": 409,
  "length-mismatch": 400,
  "too-many-pieces": 507,
  "too-many-stagings": 507,
  "too-busy": 503,
} as const;

/** Why something is refused. */
export type Refusal = { readonly type: keyof typeof statuses; readonly [detail: string]: unknown };

/** Conditions that clients of WebDAV know. Sources: RFC 4918, 16, and RFC 4331. */
const conditions: Readonly<Record<string, string>> = {
  "token-missing": "lock-token-submitted",
  "token-unknown": "lock-token-matches-request-uri",
  "node-locked": "no-conflicting-lock",
  "quota-exceeded": "quota-not-exceeded",
};

/** What people are told, where the name of a refusal says too little. */
const sentences: Readonly<Record<string, string>> = {
  "too-much-asked": "The request asks for more properties than one may, or for larger ones",
  "no-such-place": "The folder that it would lie in is not there",
  "path-not-found": "Nothing is there",
  "name-refused":
    "The drive has no such names: at most 255 bytes, without backslashes and control characters, without spaces at the ends or a dot at the end, and no device of Windows such as nul.txt",
  "space-not-made-here": "Spaces are opened, renamed and deleted over HTTP, not by WebDAV",
  "same-resource": "It would be copied or moved onto itself",
  "other-server": "Destination must be an address below the path of WebDAV on this host",
  "body-refused": "MKCOL takes no body, or one of XML that asks for a folder",
  "method-not-allowed": "The method does not go with what is there",
  "token-missing": "It is locked: only who holds the lock may change it, by naming its token in If",
  "token-unknown": "No lock with this token is there",
  "node-cycle": "A folder cannot go into itself, nor in the place of a folder that it lies in",
  "node-is-root": "The root of a space cannot be moved or deleted",
  "other-space": "A move cannot leave its space: copy and delete instead",
  "too-many-stagings": `${maxOpenStagings} uploads of yours are not finished: finish one, or wait until they end`,
  "too-many-pieces": `One upload has ${maxPieces} pieces at most`,
  "staging-not-found": "No such upload is there, or it has ended",
  "other-spelling": "What is there has a name that differs in case or in the spelling of letters",
  forbidden: "The password, or the role in this space, does not allow it",
};

/** The methods of the door, besides `OPTIONS`. */
export const davMethods = [
  "GET",
  "HEAD",
  "PUT",
  "DELETE",
  "MKCOL",
  "COPY",
  "MOVE",
  "PROPFIND",
  "PROPPATCH",
  "LOCK",
  "UNLOCK",
  "REPORT",
] as const;
export const allow = ["OPTIONS", ...davMethods].join(", ");

const xmlType = { "content-type": "application/xml; charset=utf-8" };

export const xmlAnswer = (
  status: number,
  text: TextAnswer["text"] & {},
  headers: Readonly<Record<string, string>> = {},
): TextAnswer => ({ status, text, headers: { ...xmlType, ...headers } });

/** A refusal: its condition with the resources that are the reason, and what people are told. `at`: hrefs of the reason. */
export function refused({ type, ...details }: Refusal, at: readonly string[] = []): TextAnswer {
  const status = statuses[type];
  const hrefs = at.map((href) => `<D:href>${escaped(href)}</D:href>`).join("");
  const condition =
    conditions[type] === undefined ? "" : `<D:${conditions[type]}>${hrefs}</D:${conditions[type]}>`;
  const said = `<B:code>${codeOf(type)}</B:code><B:message>${escaped(sentenceFor(type, details))}</B:message>`;
  return xmlAnswer(
    status,
    `<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:" xmlns:B="urn:basalt:dav">${condition}${said}</D:error>`,
    status === 503 ? { "retry-after": "1" } : status === 405 ? { allow } : {},
  );
}

function sentenceFor(type: string, details: Readonly<Record<string, unknown>>): string {
  const sentence = sentences[type];
  return sentence === undefined ? sentenceOf(type, details) : `${sentence}.`;
}

const begin = `<?xml version="1.0" encoding="utf-8"?>\n<D:multistatus xmlns:D="DAV:">`;
const end = "</D:multistatus>";

export const multistatus = (responses: string): TextAnswer =>
  xmlAnswer(207, begin + responses + end);

/** One whose responses are made as they are sent. */
export function streamedMultistatus(responses: AsyncIterable<string>): TextAnswer {
  async function* text() {
    yield begin;
    yield* responses;
    yield end;
  }
  return xmlAnswer(207, text());
}

const reasons: Readonly<Record<number, string>> = {
  200: "OK",
  403: "Forbidden",
  404: "Not Found",
  424: "Failed Dependency",
  507: "Insufficient Storage",
};

/** Properties with one status, each as an element; nothing, where there are none. */
export const propstat = (status: number, properties: string, more = ""): string =>
  properties === ""
    ? ""
    : `<D:propstat><D:prop>${properties}</D:prop><D:status>HTTP/1.1 ${status} ${reasons[status] ?? ""}</D:status>${more}</D:propstat>`;

export const response = (href: string, propstats: string): string =>
  `<D:response><D:href>${escaped(href)}</D:href>${propstats}</D:response>`;
