import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { DoorRequest } from "#platform/http/door.ts";
import { NodeName, nameKey } from "../../domain/node-name.ts";
import { NodePath } from "../../domain/node-path.ts";
import type { Folder, Node } from "../../domain/node.ts";
import type { SeenSpace } from "../../domain/space.ts";
import type { Drive } from "../../index.ts";

/** The folder of all spaces of the caller. */
type Home = { readonly kind: "home"; readonly spaces: readonly SeenSpace[] };
/** A file or a folder. `names`: the segments of its path, the space's first. */
export type Found = {
  readonly kind: "found";
  readonly names: readonly string[];
  readonly node: Node;
};
/** Nothing is there. Without a `parent`, the folder that it would lie in is not there either. */
export type Missing = {
  readonly kind: "missing";
  readonly names: readonly string[];
  readonly parent: Folder | undefined;
  /** Undefined where no file or folder may have it. */
  readonly name: NodeName | undefined;
};
/** What a path leads to. */
export type Target = Home | Found | Missing;

export type PathInvalid = { readonly type: "path-invalid" };

/** The segments of a path as they are meant. */
function segmentsOf(path: string): Result<readonly string[], PathInvalid> {
  try {
    const segments = path.split("/").filter((segment) => segment !== "");
    return ok(segments.map((segment) => decodeURIComponent(segment)));
  } catch {
    return err({ type: "path-invalid" });
  }
}

/** As in `/dav/My%20files/Photos/`. */
export const hrefOf = (at: string, names: readonly string[], isFolder: boolean): string =>
  `${at}${names.map((name) => `/${encodeURIComponent(name)}`).join("")}${isFolder ? "/" : ""}`;

/** The segment of a space: its name, or its id where an earlier one has that name. */
export function segmentOf(space: SeenSpace, all: readonly SeenSpace[]): string {
  const first = all.find(({ name }) => nameKey(name) === nameKey(space.name));
  return first?.id === space.id ? space.name : space.id;
}

function spaceOf(segment: string, all: readonly SeenSpace[]): SeenSpace | undefined {
  const name = NodeName.parse(segment);
  const byName = all.find((one) => name.ok && nameKey(one.name) === nameKey(name.value));
  return byName ?? all.find(({ id }) => id === segment);
}

/** Finds what paths of the door lead to, for one caller. */
export function targetsOf(drive: Drive, context: Context) {
  let known: Promise<readonly SeenSpace[]> | undefined;
  const spaces = () =>
    (known ??= drive.listSpaces({}, context).then((listed) => (listed.ok ? listed.value : [])));

  async function inSpace(space: SeenSpace, names: readonly string[]): Promise<Target> {
    const [, ...below] = names;
    const missing = (parent?: Folder): Missing => {
      const name = NodeName.parse(below.at(-1));
      return { kind: "missing", names, parent, name: name.ok ? name.value : undefined };
    };
    const path = NodePath.parse(`/${below.join("/")}`);
    if (path.ok) {
      const found = await drive.findByPath({ spaceId: space.id, path: path.value }, context);
      if (found.ok) return { kind: "found", names, node: found.value.node };
      if (found.error.type !== "path-not-found") return missing();
      if (NodePath.names(found.error.nearest).length < below.length - 1) return missing();
    }
    const above = NodePath.parse(`/${below.slice(0, -1).join("/")}`);
    if (!above.ok) return missing();
    const parent = await drive.findByPath({ spaceId: space.id, path: above.value }, context);
    return missing(
      parent.ok && parent.value.node.kind === "folder" ? parent.value.node : undefined,
    );
  }

  return async (path: string): Promise<Result<Target, PathInvalid>> => {
    const names = segmentsOf(path);
    if (!names.ok) return names;
    const [segment] = names.value;
    if (segment === undefined) return ok({ kind: "home", spaces: await spaces() });
    const space = spaceOf(segment, await spaces());
    return ok(
      space
        ? await inSpace(space, names.value)
        : { kind: "missing", names: names.value, parent: undefined, name: undefined },
    );
  };
}
export type Find = ReturnType<typeof targetsOf>;

/** The path that `Destination` names, below the door; undefined where it is none, or on another host. */
export function destinationOf({ headers, host, at }: DoorRequest): string | undefined {
  const { destination } = headers;
  if (typeof destination !== "string") return undefined;
  const [, there, path = ""] = /^(?:https?:\/\/([^/?#]*))?(\/[^?#]*)$/i.exec(destination) ?? [];
  if (there !== undefined && there.toLowerCase() !== host.toLowerCase()) return undefined;
  return path === at || path.startsWith(`${at}/`) ? path.slice(at.length) : undefined;
}
