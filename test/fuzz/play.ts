import http from "node:http";
import net from "node:net";
import { once } from "node:events";
import type { Request, Step } from "./arbitraries.ts";
import { isIndiscreet, type Answer, type Judge } from "./judge.ts";
import type { Operation } from "./openapi.ts";
import type { World } from "./world.ts";

const answerWithinMs = 15_000;
/** What is streamed has no end of its own: it is read for so long. */
const streamedForMs = 50;
const closedWithinMs = 3_000;
const knownAtMost = 10;

type Stage = {
  readonly url: URL;
  readonly agent: http.Agent;
  readonly operations: ReadonlyMap<string, Operation>;
  readonly judge: Judge;
  readonly onAnswer: (operation: string, status: number) => void;
};

/** Sends steps in a row; tells the first answer that is wrong. */
export async function play(
  stage: Stage,
  world: World,
  steps: readonly Step[],
): Promise<string | undefined> {
  const known = new Map(Object.entries(world.known).map(([kind, ids]) => [kind, [...ids]]));
  for (const step of steps) {
    const wrong =
      "raw" in step ? await shout(stage, step.raw) : await ask(stage, world, known, step);
    if (wrong !== undefined) return wrong;
  }
  return undefined;
}

type Known = Map<string, string[]>;

async function ask(
  { url, agent, operations, judge, onAnswer }: Stage,
  world: World,
  known: Known,
  request: Request,
): Promise<string | undefined> {
  const operation = operations.get(request.operation);
  if (!operation) throw new Error(`${request.operation} is not declared any more`);
  const path = operation.path.replaceAll(/\{(\w+)\}/g, (_, name: string) =>
    quoted(meant(request.path[name] ?? "", known)),
  );
  const query = request.query.map(
    ([name, value]) => `${quoted(name)}=${quoted(meant(value, known))}`,
  );
  const body = request.body === undefined ? undefined : meant(request.body, known);
  const length = body === undefined ? {} : { "content-length": Buffer.byteLength(body) };
  const answer = await send(
    http.request(url, {
      agent,
      method: operation.method,
      path: query.length === 0 ? path : `${path}?${query.join("&")}`,
      headers: { ...world.tokens[request.asker], ...request.headers, ...length },
    }),
    body,
  );
  if (!answer) return `${operation.name} does not answer, or not to the end`;
  onAnswer(operation.name, answer.status);
  learn(answer, world, known);
  const wrong = judge(operation, request.asker, answer);
  return wrong && `${operation.name} ${wrong}\n  ${answer.status} ${answer.body.slice(0, 1_000)}`;
}

const quoted = (text: string) => encodeURIComponent(text.toWellFormed());

/** Replaces `{{product 3}}` by the id of a product. */
const meant = (text: string, known: Known): string =>
  text.replaceAll(/\{\{(\w+) (\d)\}\}/g, (_, kind: string, n: string) => {
    const ids = known.get(kind) ?? [];
    return ids[Number(n) % ids.length] ?? `${kind}_${"0".repeat(26)}`;
  });

/** Remembers what has been made, for the steps to come. */
function learn({ status, body }: Answer, { spared }: World, known: Known): void {
  if (status !== 201 && status !== 202) return;
  for (const [, token = ""] of body.matchAll(/"refreshToken":"([^"]+)"/g))
    known.set("token", [token, ...(known.get("token") ?? [])]);
  for (const [id, kind = ""] of body.matchAll(/\b([a-z]+)_[0-7][0-9a-hjkmnp-tv-z]{25}\b/g)) {
    const ids = known.get(kind) ?? [];
    if (spared.has(id) || ids.includes(id) || ids.length === knownAtMost) continue;
    known.set(kind, [...ids, id]);
  }
}

function send(request: http.ClientRequest, body: string | undefined): Promise<Answer | undefined> {
  return new Promise((resolve) => {
    const late = setTimeout(() => request.destroy(), answerWithinMs);
    request.on("error", () => {}); // it is closed as well
    // Also where an answer was begun, and broken off.
    request.once("close", () => {
      clearTimeout(late);
      resolve(undefined);
    });
    request.on("response", (response) => {
      let text = "";
      const end = () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text });
      response.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      response.on("error", () => {}).once("end", end);
      if (response.headers["content-type"]?.startsWith("text/event-stream"))
        setTimeout(() => {
          end();
          request.destroy();
        }, streamedForMs).unref();
    });
    request.end(body);
  });
}

/** Sends bytes that need not be HTTP: they are refused or answered, and Basalt lives. */
async function shout({ url, onAnswer }: Stage, raw: string): Promise<string | undefined> {
  const socket = net.connect(Number(url.port), url.hostname);
  let answer = "";
  socket.setEncoding("latin1").on("data", (chunk: string) => (answer += chunk));
  socket.on("error", () => {});
  socket.setTimeout(closedWithinMs, () => socket.destroy());
  socket.end(Buffer.from(raw, "latin1"));
  await once(socket, "close").catch(() => {});
  const signal = AbortSignal.timeout(answerWithinMs);
  const alive = await fetch(new URL("/health", url), { signal }).catch(() => undefined);
  if (alive?.status !== 200) return "nobody is there any more after some bytes";
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(answer)?.[1];
  if (answer !== "" && status === undefined)
    return `bytes are answered with ${answer.slice(0, 200)}`;
  onAnswer("bytes", Number(status ?? 0));
  const isWrong = Number(status) >= 500 || isIndiscreet(answer);
  return isWrong ? `bytes are answered with ${answer.slice(0, 500)}` : undefined;
}
