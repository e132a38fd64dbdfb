import { Readable } from "node:stream";
import { Server } from "@tus/server";
import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Door, DoorAnswer, DoorRequest, TextAnswer } from "#platform/http/door.ts";
import { maxFileBytes } from "../../domain/content.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { Drive } from "../../index.ts";
import { arrival } from "../content-routes.ts";
import { checksumAlgorithms } from "./checksum.ts";
import { QueueLocker } from "./locker.ts";
import { Refused } from "./refusals.ts";
import { StagingStore } from "./store.ts";

const path = "/tus";
/** A request has so much time to end where another one goes on with its upload. */
const drainMs = 1_000;
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
/** Each step of a long request has so much time, as a request has. */
const stepMs = 10_000;

const headerOf = ({ headers }: DoorRequest, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

/** Clients that know no PATCH or DELETE send the method in a header of a POST. */
function methodOf(request: DoorRequest): string {
  const told = headerOf(request, "x-http-method-override")?.toUpperCase();
  if (request.method !== "POST" || told === undefined) return request.method;
  if (!["PATCH", "DELETE", "HEAD"].includes(told))
    throw new Refused({ type: "method-not-allowed" });
  return told;
}

const idOf = ({ path }: DoorRequest): string => /([^/]*)\/?$/.exec(path)?.[1] ?? "";

/** Headers that are passed on to `@tus/server`, which refuses requests because of some headers of proxies. */
const readHeaders = [
  "tus-resumable",
  "upload-length",
  "upload-defer-length",
  "upload-offset",
  "upload-metadata",
  "upload-concat",
  "content-type",
  "content-length",
];

/** A request as browsers have them, which `@tus/server` takes, without the body: that would be copied twice on its way to the store. */
function webRequest(request: DoorRequest, method: string): Request {
  const headers = new Headers();
  for (const name of readHeaders) {
    const value = headerOf(request, name);
    if (value !== undefined) headers.set(name, value);
  }
  const url = `http://basalt.invalid/tus/${method === "POST" ? "" : idOf(request)}`;
  return new Request(url, { method, headers });
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
  const headers = {
    ...version,
    "tus-version": "1.0.0",
    "content-type": "text/plain; charset=utf-8",
  };
  return { status: error.status_code, headers, text: error.body };
};

/** Tells the file that an upload has become. */
function addressOf({ at }: DoorRequest, nodeId: string | undefined): Record<string, string> {
  const here = at.slice(0, -path.length);
  return nodeId === undefined ? {} : { "content-location": `${here}/api/v1/drive/nodes/${nodeId}` };
}

/** The uploads of tus 1.0, whose files lie in the spaces of the caller. Source: tus.io, Resumable upload protocol 1.0.x. */
export function tus(drive: Drive, clock: Clock): Door {
  const locker = new QueueLocker();
  const finishing = new Map<string, Promise<NodeId | undefined>>();

  function serverFor(request: DoorRequest, store: StagingStore, method: string): Server {
    return new Server({
      path,
      datastore: store,
      lockDrainTimeout: drainMs,
      // No other request knows the address of an upload that is being created.
      locker: () => locker.of(method === "POST" ? () => {} : () => store.end()),
      maxSize: maxFileBytes,
      generateUrl: (_request, { id }) => `${request.at}/${id}`,
      onIncomingRequest: async (_request, id) => {
        if (method !== "POST") await store.open(id, method);
      },
      onUploadFinish: async (_request, { id }) => ({
        headers: addressOf(request, await store.finish(id)),
      }),
      onResponseError(_request, error) {
        if (!("status_code" in error)) throw error;
        return undefined;
      },
    });
  }

  /** Makes an upload of others, which `@tus/server` cannot. */
  async function joined(request: DoorRequest, store: StagingStore, concat: string) {
    const { id, nodeId } = await store.join(concat, headerOf(request, "upload-metadata"));
    const location = `${request.at}/${id}`;
    return { status: 201, headers: { ...version, ...addressOf(request, nodeId), location } };
  }

  async function answer(request: DoorRequest, asked: Context): Promise<DoorAnswer> {
    const method = methodOf(request);
    if (headerOf(request, "tus-resumable") !== version["tus-resumable"])
      throw new Refused({ type: "version-unknown" });
    const concat = headerOf(request, "upload-concat");
    const store = new StagingStore({
      drive,
      context: () => ({ ...asked, deadlineMs: clock.unixMs() + stepMs }),
      path: request.path,
      concat,
      checksum: headerOf(request, "upload-checksum"),
      finishing,
      body: request.body instanceof Readable ? request.body : Readable.from(request.body),
    });
    if (method === "POST" && concat?.startsWith("final;") === true)
      return joined(request, store, concat);
    const server = serverFor(request, store, method);
    const answered = await answerOf(await server.handleWeb(webRequest(request, method)));
    // A client that was refused has no address of the upload.
    if (answered.status >= 400) await store.giveUp();
    if (method !== "HEAD") return answered;
    const part = store.concat === undefined ? {} : { "upload-concat": store.concat };
    const told = { ...answered.headers, ...part, ...addressOf(request, store.nodeId) };
    return { ...answered, headers: told };
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
