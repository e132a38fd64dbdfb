import type { NewId } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import { Count, Flag, text } from "#kernel/scalars.ts";
import { list, oneOf, openShape, optional, type Infer, type Value } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { pause, type Timers } from "#platform/runtime.ts";
import { ByteCount, RevisionNumber, Sha256 } from "../domain/content.ts";
import { LinkId, NodeId, SpaceId, UploadId } from "../domain/ids.ts";
import { NodeName } from "../domain/node-name.ts";

/** How a client reaches a Basalt. `credential`: an API key or an access token. */
export type ServerOptions = {
  readonly url: string;
  readonly credential: string;
  readonly timers: Timers;
  readonly newId: NewId;
  /** Ends all that goes on. */
  readonly signal?: AbortSignal;
};

export const NodeFacts = openShape({
  id: NodeId,
  spaceId: SpaceId,
  kind: oneOf("folder", "file"),
  name: NodeName,
  parentId: optional(NodeId),
  revision: optional(RevisionNumber),
  size: optional(ByteCount),
  hash: optional(Sha256),
  modifiedAt: optional(Instant),
  changedAt: Instant,
  version: Version,
  inTrash: optional(Flag),
});
export type NodeFacts = Infer<typeof NodeFacts>;

const [maxText, maxPage, maxPath] = [10_000, 4_096, 32_768];
export const SpaceFacts = openShape({
  id: SpaceId,
  name: NodeName,
  rootId: NodeId,
  role: optional(text(maxText)),
});
export const EntriesFacts = openShape({
  items: list(
    openShape({ outcome: oneOf("created", "unchanged", "refused"), node: optional(NodeFacts) }),
    maxPage,
  ),
});

export const RewoundFacts = openShape({
  restored: Count,
  moved: Count,
  revised: Count,
  copied: Count,
  trashed: Count,
});
export type RewoundFacts = Infer<typeof RewoundFacts>;

export const SpacesFacts = openShape({ items: list(SpaceFacts, maxPage) });
export const ChildrenFacts = openShape({
  items: list(NodeFacts, maxPage),
  nextCursor: optional(text(maxText)),
});
export const ChangesFacts = openShape({
  items: list(NodeFacts, maxPage),
  purged: list(NodeId, maxPage),
  nextCursor: text(maxText),
  hasMore: Flag,
});
export const FoundFacts = openShape({
  items: list(openShape({ ...NodeFacts.fields, path: text(maxPath) }), maxPage),
  isComplete: Flag,
});
export const LinkFacts = openShape({ id: LinkId, token: text(maxText) });
export const UsageFacts = openShape({ usedBytes: Count, quotaBytes: optional(Count) });
export const UploadFacts = openShape({ id: UploadId, missing: list(text(maxText), maxPage) });

type Said = {
  readonly code?: string;
  readonly detail?: string;
  readonly title?: string;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
};

/** What a server says in place of an answer. `code` is for programs. */
export class Refused extends Error {
  readonly status: number;
  readonly code: string;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(
    status: number,
    { code = "UNKNOWN", detail, title, details = {}, errors = [] }: Said,
  ) {
    const issues = errors.map(({ path, message }) => `${path} ${message}`).join(", ");
    super(`${code}: ${issues || (detail ?? title ?? "")}`);
    this.status = status;
    this.code = code;
    this.details = details;
  }
}

/** Nothing answers at the address. */
export class Unreachable extends Error {
  constructor(url: string, cause: unknown) {
    super(`no server answers at ${url}: is it running, and is this its address (--server)?`, {
      cause,
    });
  }
}

/** Whether the server is away, or has too much to do. */
export const isPassing = (error: unknown): boolean =>
  error instanceof Unreachable || (error instanceof Refused && passing.has(error.status));

type Body = { readonly type: string; readonly bytes: Uint8Array<ArrayBuffer> | string };
export type Request = {
  readonly query?: Readonly<Record<string, string | number | undefined>>;
  readonly json?: object;
  readonly body?: Body;
  readonly headers?: Readonly<Record<string, string>>;
  /** Ends this request alone. */
  readonly signal?: AbortSignal;
};
type Method = "GET" | "POST" | "PUT" | "PATCH" | "DELETE";

/** A request that meets a server that is away, or has too much to do, is sent again so often. */
const attempts = 8;
const [firstPauseMs, longestPauseMs, secondMs] = [200, 30_000, 1_000];
const passing = new Set([429, 502, 503, 504]);

/** How long to wait before the next attempt. */
function pauseAfter(attempt: number, answer: Response | undefined): number {
  const asked = Number(answer?.headers.get("retry-after") ?? Number.NaN) * secondMs;
  const usual = Math.min(firstPauseMs * 2 ** attempt, longestPauseMs);
  return Number.isFinite(asked) ? Math.max(usual, Math.min(asked, longestPauseMs)) : usual;
}

async function refusalOf(answer: Response): Promise<Refused> {
  const said = await answer.text();
  try {
    return new Refused(answer.status, JSON.parse(said) as Said);
  } catch {
    return new Refused(answer.status, { detail: `the server answered ${answer.status}` });
  }
}

/** The drive of a Basalt, over HTTP. */
export function connect({ url, credential, timers, newId, signal }: ServerOptions) {
  const whole = signal ?? new AbortController().signal;

  function addressOf(path: string, query: Request["query"] = {}): URL {
    const address = new URL(`api/v1/drive/${path}`, url.endsWith("/") ? url : `${url}/`);
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) address.searchParams.set(name, String(value));
    return address;
  }

  /** The answer of a request that has succeeded. It is sent again while the server is away; a repeated POST has one effect. */
  async function open(method: Method, path: string, request: Request = {}): Promise<Response> {
    const { query, json, body, headers } = request;
    const ending = request.signal ? AbortSignal.any([whole, request.signal]) : whole;
    const sent = json ? { type: "application/json", bytes: JSON.stringify(json) } : body;
    const options = {
      method,
      redirect: "error" as const,
      signal: ending,
      headers: {
        authorization: `Bearer ${credential}`,
        ...(sent ? { "content-type": sent.type } : {}),
        ...(method === "POST" ? { "idempotency-key": newId(UploadId) } : {}),
        ...headers,
      },
      ...(sent ? { body: sent.bytes } : {}),
    };
    for (let attempt = 0; ; attempt += 1) {
      let answer: Response | undefined;
      let failure: unknown;
      try {
        answer = await fetch(addressOf(path, query), options);
      } catch (error) {
        failure = error;
      }
      if (answer?.ok) return answer;
      const refusal = answer && !passing.has(answer.status) ? await refusalOf(answer) : undefined;
      if (refusal && refusal.code !== "CONFLICT") throw refusal;
      if (ending.aborted || attempt === attempts - 1)
        throw refusal ?? (answer ? await refusalOf(answer) : new Unreachable(url, failure));
      if (!refusal) await answer?.body?.cancel();
      await pause(timers, pauseAfter(attempt, answer), ending);
    }
  }

  /** What a server answers, as a shape. */
  async function ask<V extends Value<unknown>>(
    shape: V,
    method: Method,
    path: string,
    request?: Request,
  ): Promise<Infer<V>> {
    const answer = await open(method, path, request);
    const parsed = shape.parse(await answer.json());
    if (!parsed.ok) {
      const [issue] = parsed.error.issues;
      throw new Error(`the server's answer is not understood: ${issue?.path} ${issue?.message}`);
    }
    return parsed.value as Infer<V>;
  }

  return { open, ask };
}
export type Server = ReturnType<typeof connect>;
