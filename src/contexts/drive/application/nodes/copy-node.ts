import { saved } from "#kernel/change.ts";
import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { Flag } from "#kernel/scalars.ts";
import { described, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, UnitOfWork } from "#kernel/unit-of-work.ts";
import { copiedTree, heightOf, maxCopied, type CopiedTree } from "../../domain/copied-tree.ts";
import { NodeId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import { Node, type Folder, type Placed } from "../../domain/node.ts";
import type { TooManyNodes } from "../../domain/rewind.ts";
import { roomFor, type Quota, type QuotaExceeded } from "../content/quota.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { permitted, type Unseen } from "./located.ts";
import { IfTaken, placeFor, type NoPlace } from "./place-for.ts";

/** Without `parentId` the copy lies in the folder of the node, and without `name` it has the same name. */
export const CopyNode = shape({
  nodeId: NodeId,
  parentId: optional(NodeId),
  name: optional(NodeName),
  ifTaken: optional(IfTaken),
  below: optional(
    described("Whether what lies below a folder is copied, too; true by default", Flag),
  ),
});
export type CopyNode = Infer<typeof CopyNode>;

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
} & Quota;

/** What a copy of a node copies besides it. */
async function belowOf(
  { timeMachine }: DriveScope,
  { id, kind }: Node,
  isWanted: boolean,
): Promise<Result<readonly Placed[], TooManyNodes>> {
  if (kind === "file" || !isWanted) return ok([]);
  const below = await timeMachine.belowNow([id], { limit: maxCopied, isHeld: false });
  return below.length < maxCopied
    ? ok(below)
    : err({ type: "too-many-nodes", maxNodes: maxCopied });
}

function keep(
  { nodes, revisions, properties }: DriveScope,
  folder: Folder,
  { root, created, contents, sources }: CopiedTree,
): Placed {
  nodes.saveAll(folder, { changed: [], created, at: root.state.createdAt });
  revisions.copy(
    contents.map(({ file, from, held: { revision } }) => ({
      to: { ...file.content, nodeId: file.id, createdAt: file.createdAt },
      from: { nodeId: from, revision },
    })),
  );
  properties.copy(
    created.map(({ state: { id, spaceId } }, i) => ({ from: sources[i] ?? id, to: id, spaceId })),
  );
  return saved(root);
}

/**
 * Makes another file or folder of what one is now, with all that lies below it, in any space that the actor may change. Chunks stay where they are.
 * What lies below and is in the trash by itself is left out.
 */
export function copyNode({ unitOfWork, mayAct, clock, newId, quotaBytes }: Deps) {
  const read = permitted(mayAct, Permissions.readNode);
  const seen = permitted(mayAct, Permissions.changeNode);
  type Outcome = Result<Placed, Unseen | NoPlace | TooManyNodes | QuotaExceeded | Conflict>;

  async function copy(
    scope: DriveScope,
    { found, parent }: { readonly found: Owned; readonly parent: Owned },
    { name: wanted = found.node.name, ifTaken, below: isWhole = true }: CopyNode,
  ): Promise<Outcome> {
    const source = found.node;
    const below = await belowOf(scope, source, isWhole);
    if (!below.ok) return below;
    const [id, createdAt] = [newId(NodeId), clock.now()];
    const place = await placeFor(scope, parent, {
      id,
      name: wanted,
      height: heightOf(source, below.value),
      ifTaken,
      keeping: [source, ...found.above],
    });
    if (!place.ok) return place;
    const { folder, name, replaced } = place.value;
    const { id: parentId, spaceId } = folder;
    const to = { id, parentId, spaceId, name, createdAt };
    const tree = copiedTree(source, { below: below.value, to, newId });
    const contents = tree.contents.map(({ held }) => held);
    const room = await roomFor(scope, { ...parent, contents, quotaBytes });
    if (!room.ok) return room;
    if (replaced) scope.nodes.save(Node.trash(replaced, createdAt));
    const copied = keep(scope, folder, tree);
    room.value.claim();
    return ok(copied);
  }

  return async (input: CopyNode, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const changeable = await seen(scope, input.nodeId, context);
      // Who may change a node may copy it, and so may who only reads it, elsewhere.
      const found = changeable.ok ? changeable : await read(scope, input.nodeId, context);
      if (!found.ok) return found;
      const { node } = found.value;
      const parentId = input.parentId ?? (node.status === "root" ? node.id : node.parentId);
      const parent = await seen(scope, parentId, context);
      return parent.ok ? copy(scope, { found: found.value, parent: parent.value }, input) : parent;
    });
}
