// A Basalt with a defect planted, named by FUZZ_DEFECT: what the fuzzer must catch.
import type { IncomingMessage, ServerResponse } from "node:http";
import { loadSettings } from "#platform/config/load.ts";
import { createLog } from "#platform/telemetry/log.ts";
import { startBasalt } from "../../src/main.ts";

type Spoil = (request: IncomingMessage, response: ServerResponse) => void;

/** Lets what is about to be sent pass through `change`, of requests about `where`. */
const spoiling =
  (where: RegExp, change: (status: number, body: string) => readonly [number, string]): Spoil =>
  (request, response) => {
    if (!where.test(`${request.method} ${request.url}`)) return;
    const [writeHead, end] = [response.writeHead.bind(response), response.end.bind(response)];
    let said: readonly [number, object] = [200, {}];
    response.writeHead = (status: number, headers: unknown) => {
      said = [status, headers as object];
      return response;
    };
    response.end = (body?: unknown) => {
      const [status, text] = change(said[0], typeof body === "string" ? body : "");
      writeHead(status, { ...said[1], "content-length": Buffer.byteLength(text) });
      return end(text);
    };
  };

const kept: Buffer[] = [];
const keptBytes = 65_536;

const defects: Readonly<Record<string, Spoil>> = {
  /** A bug that only one kind of input meets. */
  "internal-error": spoiling(/^GET \/api\/v1\/products\?.*limit=1(&|$)/, () => [500, "{}"]),
  /** A refusal that nobody was told of. */
  "undeclared-status": spoiling(/^PATCH /, (status, body) => [status === 404 ? 418 : status, body]),
  /** An answer of another shape than it was declared. */
  "wrong-shape": spoiling(/^GET \/api\/v1\/categories/, (status, body) => [
    status,
    body.replace(/"slug":"[^"]*"/, '"slug":1'),
  ]),
  /** A refusal that tells how Basalt is made. */
  "told-statement": spoiling(/^POST \/api\/v1\/categories/, (status, body) => [
    status,
    status === 409 ? body.replace("}", ',"detail":"insert into catalog.categories"}') : body,
  ]),
  /** An answer that breaks off in its midst. */
  "broken-off": (request, response) => {
    if (!request.url?.startsWith("/api/v1/audit")) return;
    response.end = (body?: unknown) => {
      response.write(String(body).slice(0, 5));
      setImmediate(() => response.destroy());
      return response;
    };
  },
  /** A route that everybody may use. */
  "open-door": (request) => {
    if (request.url?.startsWith("/api/v1/audit") && !request.headers.authorization)
      request.url = "/api/v1/categories";
  },
  /** Something is kept of every request. */
  "growing-memory": () => void kept.push(Buffer.alloc(keptBytes, 1)),
};

const spoil = defects[process.env["FUZZ_DEFECT"] ?? ""];
if (!spoil) throw new Error(`there are ${Object.keys(defects).join(", ")}`);
const { log, flush } = createLog("error");
const basalt = await startBasalt(loadSettings(process.env), log);
basalt.app.server.prependListener("request", spoil);
flush();
console.log(`Basalt is ready at ${basalt.url}`);
process.once("SIGTERM", () => void basalt[Symbol.asyncDispose]().then(flush));
