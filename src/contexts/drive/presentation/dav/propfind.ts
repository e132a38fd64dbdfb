import { createHash } from "node:crypto";
import { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { DoorAnswer, TextAnswer } from "#platform/http/door.ts";
import { NodePageSize } from "../../application/nodes/read-nodes.ts";
import type { SeenRollUp } from "../../application/nodes/roll-ups.ts";
import type { SeenSpace } from "../../domain/space.ts";
import type { UsageOfOwner } from "../../application/spaces/usage.ts";
import type { Lock } from "../../domain/lock.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { NameKey } from "../../domain/node-name.ts";
import type { Node, Placed } from "../../domain/node.ts";
import type { Property, PropertyName } from "../../domain/property.ts";
import { propstat, refused, response, streamedMultistatus, xmlAnswer } from "./answers.ts";
import {
  headerOf,
  hrefOfTarget,
  inTime,
  lockRootOf,
  locksBelow,
  secondsLeft,
  type Asked,
} from "./asked.ts";
import { syncTokenIn } from "./sync-token.ts";
import { activeLocks } from "./locks.ts";
import { byNode, elementsOf, needs, type Told, type Wanted } from "./properties.ts";
import { hrefOf, segmentOf, type Found, type Target } from "./targets.ts";
import { childOf, childrenOf, dav, readXml, type Element } from "./xml.ts";

/** Properties that one request asks for by their names at most, and characters of these: each resource repeats those that it has not. */
const [maxNames, maxLength] = [200, 16_384];
/** Resources whose properties are read and written together. */
const together = 100;

/** The names of the properties in an element; none, without one. */
export function namesIn(element: Element | undefined): readonly PropertyName[] | "too-much" {
  const names = (element ? childrenOf(element) : []).map(({ namespace, name }) => ({
    namespace,
    name,
  }));
  const length = names.reduce((sum, one) => sum + one.namespace.length + one.name.length, 0);
  return names.length > maxNames || length > maxLength ? "too-much" : names;
}

/** What a body of `PROPFIND` asks for; all, without one. */
function wantedIn(root: Element | undefined): Wanted | "too-much" | undefined {
  if (!root) return { kind: "all", names: [] };
  if (root.namespace !== dav || root.name !== "propfind") return undefined;
  const prop = childOf(root, "prop");
  const names = namesIn(prop ?? childOf(root, "include"));
  if (names === "too-much") return names;
  if (prop) return { kind: "some", names };
  if (childOf(root, "propname")) return { kind: "names" };
  return childOf(root, "allprop") ? { kind: "all", names } : undefined;
}

/** Everything that lies below is told folder by folder: one answer with all of it would have no bound. */
const tooDeep = xmlAnswer(
  403,
  `<?xml version="1.0" encoding="utf-8"?>\n<D:error xmlns:D="DAV:"><D:propfind-finite-depth/></D:error>`,
);

/** Clients that say no depth mean a folder and what lies in it. */
function depthOf(asked: Asked): Result<0 | 1, TextAnswer> {
  const depth = headerOf(asked, "depth")?.trim().toLowerCase() ?? "1";
  if (depth === "infinity") return err(tooDeep);
  if (depth === "0") return ok(0);
  return depth === "1" ? ok(1) : err(refused({ type: "header-invalid", header: "Depth" }));
}

const folderOf = (
  name: string,
  at: Told["node"]["createdAt"],
  more: { readonly id?: NodeId } = {},
): Told["node"] => ({
  ...more,
  name: name as Node["name"],
  createdAt: at,
  changedAt: at,
});

const bare = { isFolder: true, kept: [], syncToken: undefined } as const;

function responding(wanted: Wanted): (href: string, told: Told) => string {
  const elements = elementsOf(wanted);
  return (href, told) => {
    const { found, missing } = elements(told);
    const none = found === "" && missing === "";
    return response(
      href,
      none
        ? "<D:propstat><D:prop/><D:status>HTTP/1.1 200 OK</D:status></D:propstat>"
        : propstat(200, found) + propstat(404, missing),
    );
  };
}

type Role = SeenSpace["role"];
/** A caller whose API key may not write is told the permissions of a viewer. */
async function roleIn({ drive, context }: Asked, wanted: Wanted): Promise<(role: Role) => Role> {
  const isWriter = !needs(wanted).role || (await drive.mayUpload({}, context)).ok;
  return (role) => (isWriter ? role : "viewer");
}

export type Telling = {
  readonly roleOf: (role: Role) => Role;
  readonly wanted: Wanted;
  readonly depth: 0 | 1;
  readonly usage: UsageOfOwner | undefined;
};

const digestOf = (text: string): string =>
  createHash("sha256").update(text).digest("base64url").slice(0, 24);

/** The tags of spaces, where they are told. */
async function rolledUp(
  asked: Asked,
  spaces: readonly SeenSpace[],
  wanted: Wanted,
): Promise<ReadonlyMap<NodeId, SeenRollUp>> {
  const rolled = new Map<NodeId, SeenRollUp>();
  if (!asked.hasFolderTags || !needs(wanted).rollUps) return rolled;
  for (const { rootId } of spaces) {
    const found = await asked.drive.rollUps({ nodeId: rootId }, inTime(asked));
    if (found.ok) rolled.set(rootId, found.value(rootId));
  }
  return rolled;
}

async function* home(
  asked: Asked,
  { spaces }: Extract<Target, { kind: "home" }>,
  { wanted, depth, usage, roleOf }: Telling,
): AsyncGenerator<string> {
  const { at } = asked.request;
  const opened = spaces.map(({ openedAt }) => openedAt).toSorted();
  const root = folderOf("Basalt", opened.at(-1) ?? Instant.fromUnixMs(0));
  const rolled = await rolledUp(asked, spaces, wanted);
  const tags = [...rolled.values()].map(({ tag }) => tag).join(" ");
  const own = { rollUp: rolled.size === 0 ? undefined : { tag: digestOf(tags), bytes: undefined } };
  const told = { ...bare, ...own, node: root, role: undefined, locks: undefined, usage };
  const respond = responding(wanted);
  yield respond(hrefOf(at, [], true), told);
  if (depth === 0) return;
  for (const space of spaces) {
    const node = folderOf(space.name, space.openedAt, { id: space.rootId });
    const role = roleOf(space.role);
    const href = hrefOf(at, [segmentOf(space, spaces)], true);
    const rollUp = rolled.get(space.rootId);
    const used = space.role === "owner" ? usage : undefined;
    yield respond(href, { ...bare, rollUp, node, role, locks: "", usage: used });
  }
}

/** Elements of the locks that cover what is asked for, and of those on what lies in it. */
async function lockElements(asked: Asked, target: Found, { wanted, depth }: Telling) {
  if (!needs(wanted).locks) return () => "";
  const { node, locks } = target;
  const inside = byNode(depth === 1 ? await locksBelow(asked, target) : []);
  const covering = locks.filter(({ coversBelow }) => coversBelow);
  const leftS = (lock: Lock) => secondsLeft(asked, lock);
  return ({ id }: Node, href: string): string => {
    const own = inside.get(id) ?? [];
    const rootOf = (lock: Lock) => (own.includes(lock) ? href : lockRootOf(asked, target, lock));
    return activeLocks(id === node.id ? locks : [...covering, ...own], { rootOf, leftS });
  };
}

/** Tells resources of the space of one that was asked for, each with its address. */
export type Tell = (
  nodes: readonly Node[],
  hrefFor: (one: Node) => string,
) => AsyncGenerator<string>;

export async function telling(asked: Asked, target: Found, about: Telling): Promise<Tell> {
  const { drive } = asked;
  const { node } = target;
  const { wanted, usage, roleOf } = about;
  const role = roleOf(target.role);
  const isRolled = asked.hasFolderTags && needs(wanted).rollUps && node.kind === "folder";
  const rolled = isRolled ? await drive.rollUps({ nodeId: node.id }, inTime(asked)) : undefined;
  const locksOf = await lockElements(asked, target, about);
  const respond = responding(wanted);
  const syncToken = await syncTokenIn(asked, target, wanted);
  const keptBy = async (
    ids: readonly NodeId[],
  ): Promise<ReadonlyMap<string, readonly Property[]>> => {
    if (ids.length === 0) return new Map();
    const listed = await drive.listProperties({ nodeId: node.id, nodeIds: ids }, inTime(asked));
    return listed.ok ? listed.value : new Map();
  };
  const propertied = async (nodes: readonly Node[]): Promise<ReadonlySet<NodeId>> => {
    if (!needs(wanted).kept) return new Set();
    const nodeIds = nodes.map(({ id }) => id);
    const found = await drive.findPropertied({ nodeId: node.id, nodeIds }, inTime(asked));
    return new Set(found.ok ? found.value : []);
  };
  const toldAs = (one: Node, href: string, kept: readonly Property[]): Told => ({
    node: one,
    role,
    rollUp: rolled?.ok === true && one.kind === "folder" ? rolled.value(one.id) : undefined,
    isFolder: one.kind === "folder",
    kept,
    locks: locksOf(one, href),
    usage,
    syncToken: one.kind === "folder" ? syncToken : undefined,
  });
  return async function* tell(nodes, hrefFor) {
    const having = await propertied(nodes);
    for (let at = 0; at < nodes.length; at += together) {
      const some = nodes.slice(at, at + together);
      const kept = await keptBy(some.flatMap(({ id }) => (having.has(id) ? [id] : [])));
      const texts = some.map((one) => {
        const href = hrefFor(one);
        return respond(href, toldAs(one, href, kept.get(one.id) ?? []));
      });
      yield texts.join("");
    }
  };
}

async function* below(asked: Asked, target: Found, about: Telling): AsyncGenerator<string> {
  const { node } = target;
  const tell = await telling(asked, target, about);
  yield* tell([node], () => hrefOfTarget(asked, target));
  if (about.depth === 0 || node.kind === "file") return;
  for await (const page of pagesOf(asked, node)) yield* tell(page, childHrefs(asked, target));
}

/** The addresses of what lies in a folder. */
export function childHrefs(
  { request: { at } }: Asked,
  { names }: Found,
): (one: Pick<Node, "name" | "kind">) => string {
  const folder = hrefOf(at, names, true).slice(0, -1);
  return (one) => hrefOf(folder, [one.name], one.kind === "folder");
}

/** What lies in a folder, a page at a time. */
export async function* pagesOf(asked: Asked, { id }: Node): AsyncGenerator<readonly Placed[]> {
  const limit = expect(NodePageSize.parse(1_000));
  const next = (more: { readonly cursor?: NameKey } = {}) =>
    asked.drive.listChildren({ nodeId: id, limit, ...more }, inTime(asked));
  let page = await next();
  while (page.ok) {
    yield page.value.items;
    const { nextCursor } = page.value;
    if (nextCursor === undefined) return;
    page = await next({ cursor: nextCursor });
  }
  throw new Error(`${id} could not be listed to its end: ${page.error.type}`);
}

/** The things that all answers to one request share. */
export async function tellingOf(
  asked: Asked,
  target: Target,
  { wanted, depth }: Pick<Telling, "wanted" | "depth">,
): Promise<Telling> {
  const isOwn = target.kind === "home" || (target.kind === "found" && target.role === "owner");
  const { drive, context } = asked;
  const used = needs(wanted).usage && isOwn ? await drive.getUsage({}, context) : undefined;
  const usage = used?.ok ? used.value : undefined;
  return { wanted, depth, usage, roleOf: await roleIn(asked, wanted) };
}

/** Tells properties of a file, or of a folder and what lies in it. */
export async function propfind(asked: Asked, target: Target): Promise<DoorAnswer> {
  const depth = depthOf(asked);
  if (!depth.ok) return depth.error;
  const body = await readXml(asked.request.body, asked.timers);
  if (!body.ok) return refused(body.error);
  const wanted = wantedIn(body.value);
  if (wanted === "too-much") return refused({ type: "too-much-asked" });
  if (!wanted) return refused({ type: "xml-invalid", why: "it is no propfind" });
  if (target.kind === "missing") return refused({ type: "path-not-found" });
  const about = await tellingOf(asked, target, { wanted, depth: depth.value });
  return streamedMultistatus(
    target.kind === "home" ? home(asked, target, about) : below(asked, target, about),
  );
}
