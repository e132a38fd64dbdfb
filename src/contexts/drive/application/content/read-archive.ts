import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import { NodeId } from "../../domain/ids.ts";
import type { NodeName } from "../../domain/node-name.ts";
import type { NotAFolder, Placed } from "../../domain/node.ts";
import { maxRewound, type TooManyNodes } from "../../domain/rewind.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import { bytesOfFile, type ReadingDeps } from "./read-file.ts";

export const ReadArchive = shape({ nodeId: NodeId });
export type ReadArchive = Infer<typeof ReadArchive>;

/** A folder or a file of an archive. `path`: the names of the folders from the one that is packed, and its own. */
export type PackedEntry = {
  readonly path: readonly NodeName[];
  readonly changedAt: Instant;
  readonly content?: { readonly size: number; readonly bytes: () => AsyncIterable<Uint8Array> };
};
export type ReadableArchive = { readonly name: NodeName; readonly entries: readonly PackedEntry[] };

/** The names from a folder down to each of the nodes below it, which come before those that lie in them. */
function pathsOf(
  folderId: NodeId,
  below: readonly Placed[],
): ReadonlyMap<NodeId, readonly NodeName[]> {
  const paths = new Map<NodeId, readonly NodeName[]>([[folderId, []]]);
  for (const { id, parentId, name } of below) paths.set(id, [...(paths.get(parentId) ?? []), name]);
  return paths;
}

/** Reads a folder with all that lies below it, without what is in the trash by itself. Files are read as they are now, when they are taken. */
export function readArchive(deps: ReadingDeps) {
  const seen = permitted(deps.mayAct, Permissions.readNode);
  const bytesOf = bytesOfFile(deps);
  type Outcome = Result<ReadableArchive, Unseen | NotAFolder | TooManyNodes>;
  return ({ nodeId }: ReadArchive, context: Context): Promise<Outcome> =>
    deps.read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const folder = asFolder(found.value);
      if (!folder.ok) return folder;
      const some = { limit: maxRewound + 1, isHeld: false };
      const below = await scope.timeMachine.belowNow([nodeId], some);
      if (below.length > maxRewound) return err({ type: "too-many-nodes", maxNodes: maxRewound });
      const paths = pathsOf(nodeId, below);
      const entries = below.map((node): PackedEntry => {
        const entry = { path: paths.get(node.id) ?? [], changedAt: node.changedAt };
        if (node.kind === "folder") return entry;
        const { size } = node.content;
        return {
          ...entry,
          content: { size, bytes: () => bytesOf(node, { from: 0, until: size }, context) },
        };
      });
      return ok({ name: folder.value.node.name, entries });
    });
}
