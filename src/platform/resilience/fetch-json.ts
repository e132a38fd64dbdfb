import { clientSpan, traceHeaders } from "../telemetry/tracing.ts";
import { Unavailable } from "../unavailable.ts";
import { UpstreamRefused } from "./upstream.ts";

const usualBytes = 1024 * 1024;
const serverError = 500;

export type Asking = {
  readonly signal: AbortSignal;
  readonly key?: string | undefined;
  /** Finds the log lines of both sides. */
  readonly correlationId?: string | undefined;
};

/**
 * The JSON that an address answers; anything else is `Unavailable`. `key` is shown as a bearer
 * token, to nobody else: a redirect is an error.
 */
export const fetchJson = (url: URL, asking: Asking): Promise<unknown> =>
  clientSpan(`GET ${url.host}`, spanOf(url), () => fetched(url, asking));

/** Asks for JSON, by a POST if there is a form. The answer's body is not read yet. */
function asked(
  url: URL,
  { signal, correlationId }: Pick<Asking, "signal" | "correlationId">,
  more: Readonly<Record<string, string>>,
  form?: string,
): Promise<Response> {
  const headers = {
    accept: "application/json",
    ...more,
    ...(correlationId === undefined ? {} : { "x-request-id": correlationId }),
    ...traceHeaders(),
  };
  const sent = form === undefined ? {} : { method: "POST", body: form };
  return fetch(url, { signal, redirect: "error", headers, ...sent });
}

/** The answer of an address, of any status below 500. */
export type Answered = {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
};

/** An error of the upstream that says when to ask again; to do so at once would not help. */
export class AskedToWait extends UpstreamRefused {
  readonly retryAfter: string;

  constructor(message: string, retryAfter: string) {
    super(message, {});
    this.retryAfter = retryAfter;
  }
}

/** `headers` may hold secrets, so a redirect is an error. `form`: the body of a POST. `maxBytes`: of the answer, 1 MiB unless said. */
type AskingText = Omit<Asking, "key"> & {
  readonly headers: Readonly<Record<string, string>>;
  readonly form?: string;
  readonly maxBytes?: number | undefined;
};

/** The text that an address answers. */
export function fetchText(
  url: URL,
  { headers, form, maxBytes, ...asking }: AskingText,
): Promise<Answered> {
  const method = form === undefined ? "GET" : "POST";
  return clientSpan(`${method} ${url.host}`, spanOf(url, method), async () => {
    const answer = await asked(url, asking, headers, form);
    const text = await textOf(answer, url.host, maxBytes);
    if (answer.status >= serverError) {
      const what = `${url.host} answers ${answer.status}`;
      const retryAfter = answer.headers.get("retry-after");
      throw retryAfter === null ? new Unavailable(what, {}) : new AskedToWait(what, retryAfter);
    }
    return { status: answer.status, headers: answer.headers, text };
  });
}

const spanOf = (url: URL, method = "GET") => ({
  "http.request.method": method,
  "server.address": url.hostname,
  "url.path": url.pathname,
});

async function fetched(url: URL, { key, ...asking }: Asking): Promise<unknown> {
  const more = key === undefined ? {} : { authorization: `Bearer ${key}` };
  const answer = await asked(url, asking, more);
  if (!answer.ok) {
    await answer.body?.cancel();
    const what = `${url.host} answers ${answer.status}`;
    throw answer.status >= serverError ? new Unavailable(what, {}) : new UpstreamRefused(what, {});
  }
  const text = await textOf(answer, url.host);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Unavailable(`${url.host} answers no JSON`, { cause });
  }
}

/** The body, limited in size. */
async function textOf(
  { body }: Response,
  host: string,
  maxBytes: number = usualBytes,
): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for await (const chunk of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes)
      throw new UpstreamRefused(`${host} answers more than ${maxBytes} bytes`, {});
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}
