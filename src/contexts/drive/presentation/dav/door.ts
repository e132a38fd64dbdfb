import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { fileAnswer, type Door, type DoorAnswer, type DoorRequest } from "#platform/http/door.ts";
import { isFresh } from "#platform/http/preconditions.ts";
import type { Drive } from "../../index.ts";
import { arrival, sent } from "../content-routes.ts";
import { allow, davMethods, refused } from "./answers.ts";
import { askedOf, headerOf, isMisspelled, tagOf, type Asked, type Asking } from "./asked.ts";
import { guarded } from "./guard.ts";
import { lock, unlock } from "./lock.ts";
import { propfind } from "./propfind.ts";
import { report } from "./sync-collection.ts";
import { proppatch } from "./proppatch.ts";
import { destinationOf, type Target } from "./targets.ts";
import { put } from "./put.ts";
import { mkcol, remove, transfer } from "./tree.ts";

/** Sends a file, or the part of it that is asked for. */
async function get(asked: Asked, target: Target): Promise<DoorAnswer> {
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  if (target.kind === "home" || target.node.kind === "folder")
    return refused({ type: "method-not-allowed" });
  const read = await asked.drive.readFile({ nodeId: target.node.id }, asked.context);
  if (!read.ok) return refused(read.error);
  const tag = tagOf(read.value.file) ?? "";
  if (isFresh(asked.request.headers["if-none-match"], tag))
    return { status: 304, headers: { etag: tag } };
  const match = headerOf(asked, "if-match");
  const may = match === undefined ? undefined : await guarded(asked, target, []);
  if (may?.ok === false) return may.error;
  return fileAnswer({ download: sent.download, value: read.value, tag });
}

const copyOrMove = (isMove: boolean) => (asked: Asked, target: Target) =>
  transfer(asked, target, { isMove, path: destinationOf(asked.request) });

type Method = (typeof davMethods)[number];
const methods: Readonly<Record<Method, (asked: Asked, target: Target) => Promise<DoorAnswer>>> = {
  GET: get,
  HEAD: get,
  PUT: put,
  DELETE: remove,
  MKCOL: mkcol,
  COPY: copyOrMove(false),
  MOVE: copyOrMove(true),
  PROPFIND: propfind,
  PROPPATCH: proppatch,
  LOCK: lock,
  UNLOCK: unlock,
  REPORT: report,
};

/** Answers a request below a path that stands for the folder of all spaces of the caller. */
export async function davAnswer(
  asking: Asking,
  request: DoorRequest,
  context: Context,
): Promise<DoorAnswer> {
  const asked = askedOf(asking, request, context);
  if (request.path.includes("#")) return refused({ type: "path-invalid" });
  const target = await asked.find(request.path);
  if (!target.ok) return refused(target.error);
  if (isMisspelled(asked, target.value)) return refused({ type: "other-spelling" });
  const method = davMethods.find((one) => one === request.method);
  return method ? methods[method](asked, target.value) : refused({ type: "method-not-allowed" });
}

export const davOptions = {
  dav: "1, 2, 3, extended-mkcol",
  allow,
  "ms-author-via": "DAV",
};

/** WebDAV, classes 1, 2 and 3, on the spaces of the caller. Sources: RFC 4918 and RFC 5689. */
export const webDav = (drive: Drive, clock: Clock, timers: Asking["timers"]): Door => ({
  name: "webdav",
  path: "/dav",
  methods: davMethods,
  fileMethods: ["PUT"],
  places: arrival.places,
  options: davOptions,
  answer: (request, context) =>
    davAnswer(
      { drive, clock, timers, hasFolderTags: false, isSpellingStrict: false },
      request,
      context,
    ),
});
