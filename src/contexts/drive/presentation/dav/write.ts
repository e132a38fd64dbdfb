import { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Version } from "#kernel/version.ts";
import type { DoorAnswer, TextAnswer } from "#platform/http/door.ts";
import type { Lock } from "../../domain/lock.ts";
import type { UploadedFile } from "../../application/content/receive-content.ts";
import { NodeName } from "../../domain/node-name.ts";
import type { PlacedFile } from "../../domain/node.ts";
import { changedProperties } from "../../domain/property.ts";
import { uploadedFile } from "../uploaded-file.ts";
import { refused, xmlAnswer, type Refusal } from "./answers.ts";
import { headerOf, inTime, locksBelow, tagOf, type Asked } from "./asked.ts";
import { guarded, unlocked } from "./guard.ts";
import { changesIn, outcomes, unchangeable } from "./proppatch.ts";
import { hrefOf, targetsOf, type Found, type Missing, type Target } from "./targets.ts";
import { dav, readXml, type Element } from "./xml.ts";

/** Fewer bytes came than the client has said, so that it is not known what it meant to keep. */
class BodyTooShort extends Error {
  readonly statusCode = 400;

  constructor(came: number, promised: number) {
    super(`${promised} bytes were promised, and ${came} have come`);
  }
}

/** Others have locked what is written since the body began to come. */
class LockedMeanwhile extends Error {
  readonly answer: TextAnswer;

  constructor(answer: TextAnswer) {
    super("locked while its content was sent");
    this.answer = answer;
  }
}

/** Looks once more at what is there and who has locked it. */
async function* stillAllowed(
  asked: Asked,
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* body;
  await targetNow(asked);
}

/** What is there by now. Throws where somebody has locked it. */
async function targetNow(asked: Asked): Promise<Found | Missing | undefined> {
  const now = await targetsOf(asked.drive, inTime(asked))(asked.request.path);
  if (!now.ok || now.value.kind === "home") return undefined;
  const effect = now.value.kind === "found" ? "changes" : "comes";
  const may = await unlocked(asked, [{ on: now.value, effect }]);
  if (!may.ok) throw new LockedMeanwhile(may.error);
  return now.value;
}

/** macOS sends files in pieces, and says how long they are by a header of its own: an interrupted one looks whole. */
async function* whole(
  body: AsyncIterable<Uint8Array>,
  promised: number | undefined,
): AsyncGenerator<Uint8Array> {
  let came = 0;
  for await (const piece of body) {
    came += piece.length;
    yield piece;
  }
  if (promised !== undefined && came !== promised) throw new BodyTooShort(came, promised);
}

function promisedBy(asked: Asked): number | undefined {
  const length = headerOf(asked, "x-expected-entity-length");
  return length !== undefined && /^\d{1,15}$/.test(length) ? Number(length) : undefined;
}

/** The time of the content that a client tells, in seconds since 1970. */
function modifiedAtIn(asked: Asked): Instant | undefined {
  const told = headerOf(asked, "x-oc-mtime");
  if (told === undefined || !/^-?\d{1,11}(\.\d+)?$/.test(told)) return undefined;
  const at = Instant.parse(Instant.fromUnixMs(Math.floor(Number(told) * 1_000)));
  return at.ok ? at.value : undefined;
}

type Content = { readonly content: UploadedFile; readonly modifiedAt?: Instant };
type Written = Result<{ readonly file: PlacedFile; readonly isNew: boolean }, Refusal>;

/** The place of a resource that is not there yet. */
function placeOf(target: Missing) {
  if (target.names.length === 1) return err<Refusal>({ type: "space-not-made-here" });
  if (!target.parent) return err<Refusal>({ type: "no-such-place" });
  if (!target.name) return err<Refusal>({ type: "name-refused" });
  return ok({ nodeId: target.parent.id, name: target.name });
}

async function create(
  { drive, context }: Asked,
  target: Missing,
  content: Content,
): Promise<Written> {
  const place = placeOf(target);
  if (!place.ok) return place;
  const created = await drive.createFile({ ...place.value, ...content }, context);
  return created.ok ? ok({ file: created.value, isNew: true }) : created;
}

/** `isConditional`: the content is refused where the file is not what it was when the conditions were looked at. */
async function replace(
  { drive, context }: Asked,
  { node }: Found,
  { isConditional, ...content }: Content & { readonly isConditional: boolean },
): Promise<Written> {
  if (node.kind === "folder") return err({ type: "not-a-file" });
  const file = { nodeId: node.id, ...content };
  const expectedVersion = node.content.revision as number as Version;
  const revised = isConditional
    ? await drive.reviseFile({ ...file, expectedVersion }, context)
    : await drive.overwriteFile(file, context);
  return revised.ok ? ok({ file: revised.value, isNew: false }) : revised;
}

/** Writes a file. Who asks for no condition wants theirs to be the newest content, whatever others write at the same time. */
async function write(asked: Asked, target: Found | Missing, content: Content): Promise<Written> {
  const isConditional = ["if", "if-match", "if-none-match"].some(
    (name) => headerOf(asked, name) !== undefined,
  );
  if (target.kind === "found") return replace(asked, target, { ...content, isConditional });
  const created = await create(asked, target, content);
  if (created.ok || created.error.type !== "name-taken" || isConditional) return created;
  const now = await targetNow(asked);
  return now?.kind === "found" ? replace(asked, now, { ...content, isConditional }) : created;
}

/** Keeps a body as a file. */
export async function put(asked: Asked, target: Target): Promise<DoorAnswer> {
  const { request } = asked;
  if (target.kind === "home" || (target.kind === "found" && target.node.kind === "folder"))
    return refused({ type: "method-not-allowed" });
  if (headerOf(asked, "content-range") !== undefined)
    return refused({ type: "header-invalid", header: "Content-Range" } as Refusal);
  const place = target.kind === "missing" ? placeOf(target) : ok(undefined);
  if (!place.ok) return refused(place.error);
  const effect = target.kind === "found" ? "changes" : "comes";
  const may = await guarded(asked, target, [{ on: target, effect }]);
  if (!may.ok) return may.error;
  const modifiedAt = modifiedAtIn(asked);
  const content = {
    content: uploadedFile(stillAllowed(asked, whole(request.body, promisedBy(asked)))),
    ...(modifiedAt === undefined ? {} : { modifiedAt }),
  };
  const written = await write(asked, target, content).catch((error: unknown) => {
    if (error instanceof LockedMeanwhile) return error;
    throw error;
  });
  if (written instanceof LockedMeanwhile) return written.answer;
  if (!written.ok) return refused(written.error);
  const { file, isNew } = written.value;
  return {
    status: isNew ? 201 : 204,
    headers: {
      etag: tagOf(file) ?? "",
      ...(modifiedAt === undefined ? {} : { "x-oc-mtime": "accepted" }),
    },
  };
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Makes the file that a lock of a path without one needs. */
export async function createEmpty(
  asked: Asked,
  target: Missing,
): Promise<Result<Found, TextAnswer>> {
  const written = await create(asked, target, { content: uploadedFile(nothing()) });
  if (!written.ok) return err(refused(written.error));
  const { names, parent } = target;
  const node = written.value.file;
  const above = parent ? [parent] : [];
  return ok({ kind: "found", names, node, above, locks: [], isOwn: false });
}

const folderType = '<resourcetype xmlns="DAV:"><collection xmlns="DAV:"/></resourcetype>';

/** Properties that a new folder is to have (RFC 5689); undefined for a body that asks for something else than a folder, null for too many. */
function propertiesOf(root: Element | undefined) {
  if (!root) return [];
  if (root.namespace !== dav || root.name !== "mkcol") return undefined;
  const changes = changesIn(root);
  if (!changes) return null;
  const type = changes.find(({ namespace, name }) => namespace === dav && name === "resourcetype");
  const isFolder = type === undefined || type.value?.replaceAll(/\s+(?=<)/g, "") === folderType;
  return isFolder ? changes.filter((one) => one !== type) : undefined;
}

/** Makes a folder. */
export async function mkcol(asked: Asked, target: Target): Promise<DoorAnswer> {
  const { drive, context, request } = asked;
  const isXml = /^(application|text)\/xml\b/i.test(headerOf(asked, "content-type") ?? "");
  const hasBody =
    (headerOf(asked, "content-length") ?? "0") !== "0" ||
    headerOf(asked, "transfer-encoding") !== undefined;
  if (hasBody && !isXml) return refused({ type: "body-refused" });
  const body = await readXml(request.body);
  if (!body.ok) return refused(body.error);
  const changes = propertiesOf(body.value);
  if (!changes) return refused({ type: changes === undefined ? "body-refused" : "too-much-asked" });
  if (target.kind !== "missing") return refused({ type: "method-not-allowed" });
  const place = placeOf(target);
  if (!place.ok) return refused(place.error);
  const may = await guarded(asked, target, [{ on: target, effect: "comes" }]);
  if (!may.ok) return may.error;
  const those = unchangeable(changes);
  if (those.length > 0) return mkcolAnswer(403, outcomes(changes, { status: 403, those }));
  const fits = changedProperties(place.value.nodeId, [], changes);
  if (!fits.ok) return refused(fits.error);
  const made = await drive.createFolder(place.value, context);
  if (!made.ok)
    return refused(made.error.type === "name-taken" ? { type: "method-not-allowed" } : made.error);
  if (changes.length === 0) return { status: 201 };
  const kept = await drive.changeProperties({ nodeId: made.value.id, changes }, context);
  return kept.ok ? mkcolAnswer(201, outcomes(changes)) : refused(kept.error);
}

const mkcolAnswer = (status: number, propstats: string): TextAnswer =>
  xmlAnswer(
    status,
    `<?xml version="1.0" encoding="utf-8"?>\n<D:mkcol-response xmlns:D="DAV:">${propstats}</D:mkcol-response>`,
  );

/** Puts a file or a folder in the trash. */
export async function remove(asked: Asked, target: Target): Promise<DoorAnswer> {
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  if (target.kind === "home") return refused({ type: "forbidden" });
  const depth = headerOf(asked, "depth")?.trim().toLowerCase() ?? "infinity";
  if (depth !== "infinity" && target.node.kind === "folder")
    return refused({ type: "header-invalid", header: "Depth" } as Refusal);
  const may = await guarded(asked, target, [{ on: target, effect: "goes" }]);
  if (!may.ok) return may.error;
  const trashed = await asked.drive.trashNode({ nodeId: target.node.id }, asked.context);
  return trashed.ok ? { status: 204 } : refused(trashed.error);
}

type Moving = {
  readonly to: Found | Missing;
  readonly ifTaken: "refuse" | "replace";
  readonly depth: string;
};

/** Where a copy or a move goes, and what becomes of what is there. */
async function movingOf(
  asked: Asked,
  target: Found,
  path: string | undefined,
): Promise<Result<Moving, Refusal>> {
  if (path === undefined) {
    const isSaid = headerOf(asked, "destination") !== undefined;
    const missing = { type: "header-invalid", header: "Destination" } as Refusal;
    return err(isSaid ? { type: "other-server" } : missing);
  }
  const found = await asked.find(path);
  if (!found.ok) return found;
  const to = found.value;
  const overwrite = headerOf(asked, "overwrite")?.trim().toUpperCase() ?? "T";
  if (overwrite !== "T" && overwrite !== "F")
    return err({ type: "header-invalid", header: "Overwrite" } as Refusal);
  if (to.kind === "home") return err({ type: "forbidden" });
  if (to.kind === "found" && to.node.id === target.node.id) {
    const isSame = to.names.join("/") === target.names.join("/");
    if (isSame) return err({ type: "same-resource" });
  } else if (to.kind === "found" && overwrite === "F") return err({ type: "name-taken" });
  const depth = headerOf(asked, "depth")?.trim().toLowerCase() ?? "infinity";
  return ok({ to, ifTaken: overwrite === "T" ? "replace" : "refuse", depth });
}

/** The folder and the name of a destination. */
async function destined(asked: Asked, to: Found | Missing) {
  if (to.kind === "missing") {
    const place = placeOf(to);
    return place.ok ? ok({ parentId: place.value.nodeId, name: place.value.name }) : place;
  }
  if (to.node.status !== "placed") return err<Refusal>({ type: "node-is-root" });
  const { parentId } = to.node;
  // As this client spells it, which may differ from the name of what is there.
  const name = NodeName.parse(to.names.at(-1));
  return name.ok ? ok({ parentId, name: name.value }) : err<Refusal>({ type: "name-refused" });
}

/** Copies or moves a file or a folder, with all that lies below it. */
export async function transfer(
  asked: Asked,
  target: Target,
  { isMove, path }: { readonly isMove: boolean; readonly path: string | undefined },
): Promise<DoorAnswer> {
  const { drive, context } = asked;
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  if (target.kind === "home") return refused({ type: "forbidden" });
  const moving = await movingOf(asked, target, path);
  if (!moving.ok) return refused(moving.error);
  const { to, ifTaken, depth } = moving.value;
  const isShallow = !isMove && depth === "0";
  if (depth !== "infinity" && !isShallow && target.node.kind === "folder")
    return refused({ type: "header-invalid", header: "Depth" } as Refusal);
  const place = await destined(asked, to);
  if (!place.ok) return refused(place.error);
  const effects = [
    ...(isMove ? [{ on: target, effect: "goes" } as const] : []),
    { on: to, effect: to.kind === "found" ? "goes" : "comes" } as const,
  ];
  const may = await guarded(asked, target, effects);
  if (!may.ok) return may.error;
  const input = { nodeId: target.node.id, ...place.value, ifTaken };
  const own = target.locks.filter(({ nodeId }) => nodeId === target.node.id);
  const moved = isMove ? [...own, ...(await locksBelow(asked, target))] : [];
  const done = isMove
    ? await drive.moveNode(input, context)
    : await drive.copyNode({ ...input, below: !isShallow }, context);
  if (!done.ok) return refused(done.error);
  await releaseLocks(asked, moved);
  if (to.kind === "found") return { status: 204 };
  const isFolder = done.value.kind === "folder";
  return { status: 201, headers: { location: hrefOf(asked.request.at, to.names, isFolder) } };
}

/** Locks do not go with what is moved. Source: RFC 4918, 9.9. */
async function releaseLocks({ drive, context }: Asked, locks: readonly Lock[]): Promise<void> {
  for (const { id } of locks) await drive.releaseLock({ lockId: id }, context);
}
