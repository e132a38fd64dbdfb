import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import { NodeId } from "../../domain/ids.ts";
import { bytesOf, type NodeName } from "../../domain/node-name.ts";
import type { NotAFolder, Placed } from "../../domain/node.ts";
import type { TooManyNodes } from "../../domain/rewind.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import { bytesOfFile, type ReadingDeps } from "./read-file.ts";

export const ReadArchive = shape({ nodeId: NodeId });
export type ReadArchive = Infer<typeof ReadArchive>;

/** Files and folders of an archive, and bytes of all their paths. */
const [maxPacked, maxPathBytes] = [20_000, 8 * 2 ** 20];

/** Paths of so many bytes are kept in memory while an archive is sent. */
export type PathsTooLong = { readonly type: "paths-too-long"; readonly maxPathBytes: number };

/** A folder or a file of an archive. `path`: the names of the folders from the one that is packed, and its own. */
export type PackedEntry = {
  readonly path: string;
  /** When a file was last changed where it comes from, or a folder here. */
  readonly modifiedAt: Instant;
  readonly content?: { readonly size: number; readonly bytes: () => AsyncIterable<Uint8Array> };
};
export type ReadableArchive = { readonly name: NodeName; readonly entries: readonly PackedEntry[] };

/** The paths of nodes below a folder, each of which comes before those that lie in it. */
function pathsOf(below: readonly Placed[]): Result<ReadonlyMap<NodeId, string>, PathsTooLong> {
  const paths = new Map<NodeId, string>();
  const lengths = new Map<NodeId, number>();
  let sum = 0;
  for (const { id, parentId, name } of below) {
    const length = (lengths.get(parentId) ?? 0) + 1 + bytesOf(name);
    lengths.set(id, length);
    sum += length;
    if (sum > maxPathBytes) return err({ type: "paths-too-long", maxPathBytes });
    const above = paths.get(parentId);
    paths.set(id, above === undefined ? name : `${above}/${name}`);
  }
  return ok(paths);
}

/** Reads a folder with all that lies below it, without what is in the trash by itself. Files are read as they are now, when they are taken. */
export function readArchive(deps: ReadingDeps) {
  const seen = permitted(deps.mayAct, Permissions.readNode);
  const read = bytesOfFile(deps);
  type Outcome = Result<ReadableArchive, Unseen | NotAFolder | TooManyNodes | PathsTooLong>;
  return ({ nodeId }: ReadArchive, context: Context): Promise<Outcome> =>
    deps.read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const folder = asFolder(found.value);
      if (!folder.ok) return folder;
      const some = { limit: maxPacked + 1, isHeld: false };
      const below = await scope.timeMachine.belowNow([nodeId], some);
      if (below.length > maxPacked) return err({ type: "too-many-nodes", maxNodes: maxPacked });
      const paths = pathsOf(below);
      if (!paths.ok) return paths;
      const entries = below.map((node): PackedEntry => {
        const path = paths.value.get(node.id) ?? "";
        if (node.kind === "folder") return { path, modifiedAt: node.changedAt };
        const { size, modifiedAt } = node.content;
        return {
          path,
          modifiedAt,
          content: { size, bytes: () => read(node, { from: 0, until: size }, context) },
        };
      });
      return ok({ name: folder.value.node.name, entries });
    });
}
