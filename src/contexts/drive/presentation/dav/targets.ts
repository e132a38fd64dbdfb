import type { Context } from "#kernel/context.ts";
import type { Forbidden } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { DoorRequest } from "#platform/http/door.ts";
import { spaceNamed, type Way } from "../../application/nodes/resolve-path.ts";
import type { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Node } from "../../domain/node.ts";
import type { SeenSpace } from "../../domain/space.ts";
import type { Drive } from "../../index.ts";
import { segmentsOf, type PathInvalid } from "../path-segments.ts";

/** The folder of all spaces of the caller. */
type Home = { readonly kind: "home"; readonly spaces: readonly SeenSpace[] };
/** A file or a folder. `names`: the segments of its path, the space's first. */
export type Found = {
  readonly kind: "found";
  readonly names: readonly string[];
  readonly node: Node;
  /** The folders that it lies in, the nearest first. */
  readonly above: readonly Node[];
  /** Those that cover it. */
  readonly locks: readonly Lock[];
  /** Whether the path has the names as they are spelled, of what is there and of the folders on the way. */
  readonly isExact: boolean;
  /** What the caller is in the space. */
  readonly role: SeenSpace["role"];
};
/** Nothing is there. Without a `parent`, the folder that it would lie in is not there either. */
export type Missing = {
  readonly kind: "missing";
  readonly names: readonly string[];
  readonly parent: Node | undefined;
  /** Undefined where no file or folder may have it. */
  readonly name: NodeName | undefined;
  /** Those that cover the folder that it would lie in. */
  readonly locks: readonly Lock[];
  readonly isExact: boolean;
};
/** What a path leads to. */
export type Target = Home | Found | Missing;

/** As in `/dav/My%20files/Photos/`. */
export const hrefOf = (at: string, names: readonly string[], isFolder: boolean): string =>
  `${at}${names.map((name) => `/${encodeURIComponent(name)}`).join("")}${isFolder ? "/" : ""}`;

/** The segment of a space: its name, or its id where that names another one. */
export const segmentOf = (space: SeenSpace, all: readonly SeenSpace[]): string =>
  spaceNamed(space.name, all)?.id === space.id ? space.name : space.id;

/** Names are found in other spellings of their letters, too. */
const isExact = (below: readonly string[], way: Way | undefined): boolean =>
  (way?.nodes ?? []).slice(1).every(({ name }, i) => name === below[i]);

function missing(names: readonly string[], way?: Way): Missing {
  const [, ...below] = names;
  const name = NodeName.parse(below.at(-1));
  const parent = way?.nodes.length === below.length ? way.nodes.at(-1) : undefined;
  return {
    kind: "missing",
    names,
    parent: parent?.kind === "folder" ? parent : undefined,
    name: name.ok ? name.value : undefined,
    locks: parent && way ? way.locks : [],
    isExact: isExact(below, way),
  };
}

/** Finds what paths of the door lead to, for one caller. */
export function targetsOf(drive: Drive, context: Context) {
  async function below(names: readonly [string, ...string[]]): Promise<Result<Target, Forbidden>> {
    const [segment, ...path] = names;
    const found = await drive.resolvePath({ space: segment, names: path }, context);
    if (!found.ok) return found.error.type === "forbidden" ? err(found.error) : ok(missing(names));
    const { nodes, locks, space } = found.value;
    if (nodes.length <= path.length) return ok(missing(names, found.value));
    const [node = nodes[0], ...above] = nodes.toReversed();
    return ok({
      kind: "found",
      names,
      node,
      above,
      locks,
      isExact: isExact(path, found.value),
      role: space.role,
    });
  }

  return async (path: string): Promise<Result<Target, PathInvalid | Forbidden>> => {
    const names = segmentsOf(path);
    if (!names.ok) return names;
    const [space, ...more] = names.value;
    if (space !== undefined) return below([space, ...more]);
    const spaces = await drive.listSpaces({}, context);
    return spaces.ok ? ok({ kind: "home", spaces: spaces.value }) : spaces;
  };
}
export type Find = ReturnType<typeof targetsOf>;

type Place = { readonly nodeId: NodeId; readonly name: NodeName };
/** Why nothing can be made at a path. */
type NoPlace = { readonly type: "space-not-made-here" | "no-such-place" | "name-refused" };

/** The place of a resource that is not there yet. */
export function placeOf({ names, parent, name }: Missing): Result<Place, NoPlace> {
  if (names.length === 1) return err({ type: "space-not-made-here" });
  if (!parent) return err({ type: "no-such-place" });
  if (!name) return err({ type: "name-refused" });
  return ok({ nodeId: parent.id, name });
}

/** The path that `Destination` names, below the door; undefined where it is none, or on another host. */
export function destinationOf({ headers, host, at }: DoorRequest): string | undefined {
  const { destination } = headers;
  if (typeof destination !== "string") return undefined;
  const [, there, path = ""] = /^(?:https?:\/\/([^/?#]*))?(\/[^?#]*)$/i.exec(destination) ?? [];
  if (there !== undefined && there.toLowerCase() !== host.toLowerCase()) return undefined;
  return path === at || path.startsWith(`${at}/`) ? path.slice(at.length) : undefined;
}
