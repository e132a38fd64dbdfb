import { clientSpan, traceHeaders } from "../telemetry/tracing.ts";
import { Unavailable } from "../unavailable.ts";
import { UpstreamRefused } from "./upstream.ts";

const maxBytes = 1024 * 1024;
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
  clientSpan(
    `GET ${url.host}`,
    { "http.request.method": "GET", "server.address": url.hostname, "url.path": url.pathname },
    () => fetched(url, asking),
  );

async function fetched(url: URL, { signal, key, correlationId }: Asking): Promise<unknown> {
  const headers = {
    accept: "application/json",
    ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
    ...(correlationId === undefined ? {} : { "x-request-id": correlationId }),
    ...traceHeaders(),
  };
  const answer = await fetch(url, { signal, redirect: "error", headers });
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
async function textOf({ body }: Response, host: string): Promise<string> {
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
