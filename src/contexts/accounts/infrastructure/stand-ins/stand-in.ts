import { once } from "node:events";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";

/** What goes wrong with the next answer. `cut`: the connection ends in the midst of the body; the request has had its effect all the same. */
export type Fault =
  | { readonly kind: "status"; readonly status: number; readonly retryAfter?: string }
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "cut" };

export type Asked = {
  readonly method: string;
  readonly url: URL;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
};
/** `body` is told as JSON; `location` sends a browser elsewhere. */
export type Answered = readonly [status: number, body: unknown, location?: string];

/** Whole numbers as JSON of other languages has them: with more digits than a number of JavaScript keeps. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => unknown };
const digits = (_key: string, value: unknown): unknown =>
  typeof value === "bigint" ? rawJSON(String(value)) : value;

function answer(response: http.ServerResponse, answered: Answered, fault?: Fault): void {
  const [status, body, location] = answered;
  const told = JSON.stringify(body, digits);
  response.setHeader("content-type", "application/json");
  if (location !== undefined) response.setHeader("location", location);
  if (fault?.kind === "status") {
    if (fault.retryAfter !== undefined) response.setHeader("retry-after", fault.retryAfter);
    response.writeHead(fault.status).end(JSON.stringify({ message: "not now" }));
  } else if (fault?.kind === "text") response.end(fault.text);
  else if (fault?.kind === "cut") {
    response.writeHead(200, { "content-length": told.length + 10 });
    response.write(told.slice(0, 5), () => response.destroy());
  } else response.writeHead(status).end(told);
}

type Standing = { readonly answered: (asked: Asked) => Answered; readonly port?: number };

/** A server in place of a provider: real HTTP, with faults on demand. `asked`: the addresses of all requests. */
export async function standIn({ answered, port = 0 }: Standing) {
  const faults: Fault[] = [];
  const asked: URL[] = [];
  const timing = { answerMs: 0 };
  const server = http.createServer((request, response) => {
    const { method = "GET", headers } = request;
    const url = new URL(request.url ?? "/", "http://127.0.0.1");
    asked.push(url);
    void text(request).then((body) =>
      setTimeout(() => {
        const fault = faults.shift();
        answer(response, answered({ method, url, headers, body }), fault);
      }, timing.answerMs),
    );
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${listening}`,
    faults,
    asked,
    timing,
    /** Does not keep the process alive by itself. */
    mayEnd: () => void server.unref(),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
