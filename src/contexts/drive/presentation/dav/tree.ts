import { err, ok, type Result } from "#kernel/result.ts";
import type { DoorAnswer, TextAnswer } from "#platform/http/door.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { Lock } from "../../domain/lock.ts";
import { NodeName } from "../../domain/node-name.ts";
import { changedProperties } from "../../domain/property.ts";
import { refused, xmlAnswer, type Refusal } from "./answers.ts";
import { headerOf, isMisspelled, locksBelow, type Asked } from "./asked.ts";
import { guarded } from "./guard.ts";
import { changesIn, outcomes, unchangeable } from "./proppatch.ts";
import { hrefOf, placeOf, type Found, type Missing, type Target } from "./targets.ts";
import { dav, readXml, type Element } from "./xml.ts";

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
  const body = await readXml(request.body, asked.timers);
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
  const { id } = made.value;
  if (changes.length === 0) return { status: 201, headers: { "oc-fileid": id } };
  const kept = await drive.changeProperties({ nodeId: id, changes }, context);
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
    return refused({ type: "header-invalid", header: "Depth" });
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
    const missing = { type: "header-invalid", header: "Destination" } as const;
    return err(isSaid ? { type: "other-server" } : missing);
  }
  const found = await asked.find(path);
  if (!found.ok) return found;
  const to = found.value;
  const overwrite = headerOf(asked, "overwrite")?.trim().toUpperCase() ?? "T";
  if (overwrite !== "T" && overwrite !== "F")
    return err({ type: "header-invalid", header: "Overwrite" });
  if (to.kind === "home") return err({ type: "forbidden" });
  const isItself = to.kind === "found" && to.node.id === target.node.id;
  if (!isItself && isMisspelled(asked, to)) return err({ type: "other-spelling" });
  if (to.kind === "found" && isItself) {
    const isSame = to.names.join("/") === target.names.join("/");
    if (isSame) return err({ type: "same-resource" });
  } else if (to.kind === "found" && overwrite === "F") return err({ type: "name-taken" });
  const depth = headerOf(asked, "depth")?.trim().toLowerCase() ?? "infinity";
  return ok({ to, ifTaken: overwrite === "T" ? "replace" : "refuse", depth });
}

type Place = { readonly parentId: NodeId; readonly name: NodeName };

/** The folder and the name of a destination. */
function destined(to: Found | Missing): Result<Place, Refusal> {
  if (to.kind === "missing") {
    const place = placeOf(to);
    return place.ok ? ok({ parentId: place.value.nodeId, name: place.value.name }) : place;
  }
  if (to.node.status !== "placed") return err({ type: "node-is-root" });
  const { parentId } = to.node;
  // As this client spells it, which may differ from the name of what is there.
  const name = NodeName.parse(to.names.at(-1));
  return name.ok ? ok({ parentId, name: name.value }) : err({ type: "name-refused" });
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
    return refused({ type: "header-invalid", header: "Depth" });
  const place = destined(to);
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
  // After a change of case only, nothing was replaced.
  if (to.kind === "found" && to.node.id !== target.node.id) return { status: 204 };
  const isFolder = done.value.kind === "folder";
  return { status: 201, headers: { location: hrefOf(asked.request.at, to.names, isFolder) } };
}

/** Locks do not go with what is moved. Source: RFC 4918, 9.9. */
async function releaseLocks({ drive, context }: Asked, locks: readonly Lock[]): Promise<void> {
  for (const { id } of locks) await drive.releaseLock({ lockId: id }, context);
}
