import { Readable } from "node:stream";
import { Server } from "@tus/server";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Door, DoorAnswer, DoorRequest, TextAnswer } from "#platform/http/door.ts";
import { maxFileBytes } from "../../domain/content.ts";
import type { Drive } from "../../index.ts";
import { arrival } from "../content-routes.ts";
import { checksumAlgorithms } from "./checksum.ts";
import { QueueLocker } from "./locker.ts";
import { Refused } from "./refusals.ts";
import { StagingStore } from "./store.ts";

const path = "/tus";
const version = { "tus-resumable": "1.0.0" };
const extensions = [
  "creation",
  "creation-with-upload",
  "creation-defer-length",
  "checksum",
  "concatenation",
  "expiration",
  "termination",
];
/** A request that goes on with an upload waits so long for one that has lost its client. */
const drainMs = 1_000;
/** Each step of a long request has so much time, as a request has. */
const stepMs = 10_000;

const headerOf = ({ headers }: DoorRequest, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

/** Clients that know no PATCH or DELETE send the method in a header of a POST. */
const methodOf = (request: DoorRequest): string =>
  request.method === "POST"
    ? (headerOf(request, "x-http-method-override") ?? "POST").toUpperCase()
    : request.method;

const idOf = ({ path }: DoorRequest): string => /([^/]*)\/?$/.exec(path)?.[1] ?? "";

/** A request as browsers have them, which `@tus/server` takes. */
function webRequest(request: DoorRequest, method: string): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(request.headers))
    if (typeof value === "string") headers.set(name, value);
  const hasBody = method === "PATCH" || method === "POST";
  return new Request(`http://basalt.invalid/tus/${method === "POST" ? "" : idOf(request)}`, {
    method,
    headers,
    ...(hasBody ? { body: Readable.toWeb(Readable.from(request.body)), duplex: "half" } : {}),
  });
}

/** Other origins are none of its business: `@tus/server` would let all of them in. */
async function answerOf(response: Response): Promise<TextAnswer> {
  const headers = [...response.headers].filter(([name]) => !name.startsWith("access-control-"));
  const text = await response.text();
  return {
    status: response.status,
    headers: Object.fromEntries(headers),
    ...(text === "" ? {} : { text }),
  };
}

const refusedAnswer = (error: unknown): TextAnswer => {
  if (!(error instanceof Refused)) throw error;
  const headers = { ...version, "content-type": "text/plain; charset=utf-8" };
  return { status: error.status_code, headers, text: error.body };
};

/** Tells the file that an upload has become. */
async function madeOf(
  { at }: DoorRequest,
  store: StagingStore,
  id: string,
): Promise<Record<string, string>> {
  const file = await store.finish(id);
  const here = at.slice(0, -path.length);
  return file ? { "content-location": `${here}/api/v1/drive/nodes/${file.id}` } : {};
}

/** The uploads of tus 1.0, whose files lie in the spaces of the caller. Source: tus.io, Resumable upload protocol 1.0.x. */
export function tus(drive: Drive, clock: Clock): Door {
  const locker = new QueueLocker();

  function serverFor(request: DoorRequest, store: StagingStore, method: string): Server {
    return new Server({
      path,
      datastore: store,
      locker,
      lockDrainTimeout: drainMs,
      maxSize: maxFileBytes,
      generateUrl: (_request, { id }) => `${request.at}/${id}`,
      onIncomingRequest: async (_request, id) => {
        if (method !== "POST") await store.open(id, method);
      },
      onUploadFinish: async (_request, { id }) => ({ headers: await madeOf(request, store, id) }),
      onResponseError(_request, error) {
        if (!("status_code" in error)) throw error;
        return undefined;
      },
    });
  }

  /** Makes an upload of others, which `@tus/server` cannot. */
  async function joined(request: DoorRequest, store: StagingStore, concat: string) {
    const id = await store.join(concat, headerOf(request, "upload-metadata"));
    try {
      const headers = {
        ...version,
        ...(await madeOf(request, store, id)),
        location: `${request.at}/${id}`,
      };
      return { status: 201, headers };
    } catch (error) {
      await store.remove(id);
      throw error;
    }
  }

  async function answer(request: DoorRequest, asked: Context): Promise<DoorAnswer> {
    const method = methodOf(request);
    const concat = headerOf(request, "upload-concat");
    const store = new StagingStore({
      drive,
      context: () => ({ ...asked, deadlineMs: clock.unixMs() + stepMs }),
      path: request.path,
      concat,
      checksum: headerOf(request, "upload-checksum"),
    });
    if (method === "POST" && concat?.startsWith("final;") === true)
      return joined(request, store, concat);
    const server = serverFor(request, store, method);
    const answered = await answerOf(await server.handleWeb(webRequest(request, method)));
    const isPart = method === "HEAD" && store.concat !== undefined;
    return isPart
      ? { ...answered, headers: { ...answered.headers, "upload-concat": store.concat ?? "" } }
      : answered;
  }

  return {
    name: "tus",
    path,
    methods: ["POST", "HEAD", "PATCH", "DELETE"],
    fileMethods: ["POST", "PATCH"],
    places: arrival.places,
    options: {
      ...version,
      "tus-version": "1.0.0",
      "tus-extension": extensions.join(","),
      "tus-max-size": String(maxFileBytes),
      "tus-checksum-algorithm": checksumAlgorithms,
      allow: "OPTIONS, POST, HEAD, PATCH, DELETE",
    },
    answer: (request, context) => answer(request, context).catch(refusedAnswer),
  };
}
