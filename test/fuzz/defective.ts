// A Basalt that collects its garbage, and may have a defect planted: what the fuzzer must catch.
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { chosenOf, serveDefective, spoiledBy, spoiling, type Spoil } from "../support/defective.ts";

const kept: Buffer[] = [];
const keptBytes = 1_048_576;
let beganAtMs: number | undefined;
/** Keeps ever more of them, as time goes on: a slow machine, which gets fewer requests, keeps as much as a fast one. */
function keepMore(): void {
  beganAtMs ??= performance.now();
  const due = 1.5 * ((performance.now() - beganAtMs) / 1_000) ** 2;
  while (kept.length < due) kept.push(Buffer.alloc(keptBytes, 1));
}

/** Without it, the heap of a server that is well grows for half a minute before V8 looks for garbage. */
const collectEveryMs = 1_000;
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
setInterval(collect, collectEveryMs).unref();

const defects: Readonly<Record<string, Spoil>> = {
  "": () => {},
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
  "told-statement": spoiling(/^POST /, (status, body) => [
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
    if (
      /^\/api\/v1\/(audit|policies|accounts)/.test(request.url ?? "") &&
      !request.headers.authorization
    )
      request.url = "/api/v1/categories";
  },
  /** Requests leave something behind. */
  "growing-memory": keepMore,
};

await serveDefective(spoiledBy(chosenOf(defects)));
