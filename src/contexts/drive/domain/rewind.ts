import { andThen, unchanged, type Change } from "#kernel/change.ts";
import type { NewId } from "#kernel/id.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { newContentOf, type Content } from "./content.ts";
import type { DriveEvent } from "./events.ts";
import { NodeId } from "./ids.ts";
import { nameKey, type NodeName } from "./node-name.ts";
import {
  maxDepth,
  Node,
  type Folder,
  type Located,
  type Placed,
  type PlacedFile,
  type TooDeep,
  type Trashed,
} from "./node.ts";

/** Where a node lay at a time and what it held, beside what it is now. */
export type Past = {
  readonly node: Placed | Trashed;
  readonly parentId: NodeId;
  readonly name: NodeName;
  /** That of a file. */
  readonly content?: Content;
};

/** Files and folders that one restoration puts back or away at most. */
export const maxRewound = 50_000;
export type TooManyNodes = { readonly type: "too-many-nodes"; readonly maxNodes: number };
/** The folder was not there at that time, the past does not go back so far, or the time has not come. */
export type NoSuchPast = {
  readonly type: "no-such-past";
  readonly from: Instant;
  readonly until: Instant;
};

/** How a folder differs from what it was. */
export type Difference = {
  readonly folder: Located<Folder>;
  /** What lay below the folder then, each folder before what lay in it. */
  readonly before: readonly Past[];
  /** What lies below the folder now, and below the folders that come back from the trash. */
  readonly now: readonly Placed[];
  /** Of what lies elsewhere by now: whether it is in the trash. */
  readonly isLost: (past: Past) => boolean;
};

/** A file with a content that another one has had. */
export type Recovered = {
  readonly file: PlacedFile;
  readonly from: NodeId;
  readonly held: Content;
};
type Changed = Change<Placed | Trashed, DriveEvent>;

/** What makes a folder what it was. */
export type Rewinding = {
  readonly at: Instant;
  readonly changed: readonly Changed[];
  /** Each folder before what lies in it. */
  readonly created: readonly Change<Placed, DriveEvent>[];
  readonly recovered: readonly Recovered[];
  readonly counts: RewindCounts;
};
export type RewindCounts = {
  /** Taken out of the trash, by themselves or with a folder. */
  readonly restored: number;
  /** Moved or renamed back, besides those. */
  readonly moved: number;
  /** Given the content that they had. */
  readonly revised: number;
  /** Copied, because the originals were moved out of the folder and stay where they are. */
  readonly copied: number;
  /** Put in the trash, by themselves or with a folder, since they were not there. */
  readonly trashed: number;
};

type Place = { readonly parentId: NodeId; readonly name: NodeName };
type Making = { readonly newId: NewId; readonly at: Instant };

/** What takes the place of a node that was there: itself, or another one where it lies elsewhere by now. */
type Return = { readonly past: Past; readonly change: Change<Placed, DriveEvent> };

/** Puts a node where one was, with the content that it had. */
function putBack(
  node: Placed | Trashed,
  {
    to,
    content,
    at,
  }: { readonly to: Place; readonly content: Content | undefined; readonly at: Instant },
): Change<Placed, DriveEvent> {
  const placed: Change<Placed, DriveEvent> =
    node.status === "trashed" ? Node.restore(node, to, at) : Node.move(node, to, at);
  return andThen(placed, (there): Change<Placed, DriveEvent> => {
    if (there.kind === "folder" || content === undefined) return unchanged(there);
    const basis = { base: there.content.revision, at };
    return expect(Node.revise(there, newContentOf(content), basis));
  });
}

/** Makes a node where one was, with the content that it had. */
function copyOf(
  { node: { spaceId }, content }: Past,
  id: NodeId,
  { to: { parentId, name }, at }: { readonly to: Place; readonly at: Instant },
): Change<Placed, DriveEvent> {
  const creation = { id, spaceId, name, createdAt: at };
  return content === undefined
    ? Node.createFolder(creation, parentId)
    : Node.createFile(creation, parentId, newContentOf(content));
}

function isTooDeep({ folder, before }: Difference): boolean {
  const depths = new Map<NodeId, number>([[folder.node.id, folder.above.length + 1]]);
  return before.some(({ node, parentId }) => {
    if (node.kind === "file") return false;
    const depth = (depths.get(parentId) ?? 0) + 1;
    depths.set(node.id, depth);
    return depth > maxDepth;
  });
}

const placeKey = (parentId: NodeId, name: NodeName): string => `${parentId} ${nameKey(name)}`;

/** Those that were not there, by their places. */
function newcomersIn({ before, now }: Difference): ReadonlyMap<string, Placed> {
  const old = new Set(before.map(({ node }) => node.id));
  const fresh = now.filter(({ id }) => !old.has(id));
  return new Map(fresh.map((node) => [placeKey(node.parentId, node.name), node]));
}

/** What does not lie in another one of them, which takes it along. */
function topmost(leaving: readonly Placed[]): readonly Placed[] {
  const gone = new Set(leaving.map(({ id }) => id));
  return leaving.filter(({ parentId }) => !gone.has(parentId));
}

const has = (type: DriveEvent["type"]) => (one: { readonly change: Changed }) =>
  one.change.events.some((event) => event.type === type);
const countOf = <T>(some: readonly T[], is: (one: T) => boolean): number => some.filter(is).length;

/**
 * Makes a folder what it was: what was deleted comes back, what was moved or renamed within the folder goes back, files get
 * the contents that they had, and what was not there goes to the trash. What was moved out of the folder stays where it is;
 * what is of its kind and has its place takes its part, or else a copy.
 */
export function rewind(difference: Difference, { newId, at }: Making): Result<Rewinding, TooDeep> {
  if (isTooDeep(difference)) return err({ type: "too-deep", maxDepth });
  const { before, now, isLost } = difference;
  const here = new Set(now.map(({ id }) => id));
  const newcomers = newcomersIn(difference);
  /** Who takes the part of those that lie elsewhere. */
  const parts = new Map<NodeId, NodeId>();
  const [back, created]: [Return[], Return[]] = [[], []];
  for (const past of before) {
    const { node, name, content } = past;
    const to = { parentId: parts.get(past.parentId) ?? past.parentId, name };
    const isElsewhere = !here.has(node.id) && !isLost(past);
    const there = newcomers.get(placeKey(to.parentId, name));
    const player = isElsewhere && there?.kind === node.kind ? there : node;
    if (isElsewhere && player === node) {
      const id = newId(NodeId);
      parts.set(node.id, id);
      created.push({ past, change: copyOf(past, id, { to, at }) });
    } else {
      parts.set(node.id, player.id);
      back.push({ past, change: putBack(player, { to, content, at }) });
    }
  }
  const needed = new Set(parts.values());
  const leaving = [...newcomers.values()].filter(({ id }) => !needed.has(id));
  const revised = back.filter(has("drive.file-revised"));
  return ok({
    at,
    changed: [
      ...topmost(leaving).map((node) => Node.trash(node, at)),
      ...back.flatMap(({ change }) => (change.events.length > 0 ? [change] : [])),
    ],
    created: created.map(({ change }) => change),
    recovered: [...revised, ...created].flatMap(recoveredBy),
    counts: {
      restored: countOf(back, ({ past }) => isLost(past)),
      moved: countOf(back, (one) => has("drive.node-moved")(one) && !isLost(one.past)),
      revised: revised.length,
      copied: created.length,
      trashed: leaving.length,
    },
  });
}

const recoveredBy = ({
  past: { node, content },
  change: { state },
}: Return): readonly Recovered[] =>
  state.kind === "file" && content !== undefined
    ? [{ file: state, from: node.id, held: content }]
    : [];
