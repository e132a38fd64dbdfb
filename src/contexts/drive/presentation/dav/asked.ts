import type { Context } from "#kernel/context.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { DoorRequest } from "#platform/http/door.ts";
import type { NodeId } from "../../domain/ids.ts";
import type { Lock } from "../../domain/lock.ts";
import type { Node } from "../../domain/node.ts";
import type { Drive } from "../../index.ts";
import { hrefOf, targetsOf, type Find, type Target } from "./targets.ts";

/** A request with what it is answered by. */
export type Asked = {
  readonly request: DoorRequest;
  readonly context: Context;
  readonly drive: Drive;
  readonly clock: Clock;
  readonly find: Find;
};

export const askedOf = (
  { drive, clock }: Pick<Asked, "drive" | "clock">,
  request: DoorRequest,
  context: Context,
): Asked => ({ request, context, drive, clock, find: targetsOf(drive, context) });

/** A header that has one value. */
export const headerOf = ({ request: { headers } }: Asked, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : undefined;
};

/** The tag of a content, which no other one at the same path has. */
export const tagOf = (node: Node): string | undefined =>
  node.kind === "file"
    ? `"${node.id.slice(node.id.indexOf("_") + 1)}.${node.content.revision}"`
    : undefined;

export const hrefOfTarget = ({ request: { at } }: Asked, target: Target): string => {
  if (target.kind === "home") return hrefOf(at, [], true);
  return hrefOf(at, target.names, target.kind === "found" && target.node.kind === "folder");
};

/** Locks that cover a node, and those on what lies below it where that is asked for. None where it is not seen. */
export async function locksOn(
  { drive, context }: Asked,
  nodeId: NodeId,
  below = false,
): Promise<readonly Lock[]> {
  const listed = await drive.listLocks({ nodeId, below }, context);
  return listed.ok ? listed.value : [];
}

export const secondsLeft = ({ clock }: Asked, { expiresAt }: Lock): number =>
  Math.max(0, Math.round((Instant.toUnixMs(expiresAt) - clock.unixMs()) / 1_000));

/** How many folders above a node a locked one is; 0 is the node itself. */
export async function levelsUp(
  { drive, context }: Asked,
  node: Node,
  lockedId: NodeId,
): Promise<number> {
  let [levels, here] = [0, node];
  while (here.id !== lockedId && here.status !== "root") {
    const above = await drive.getNode({ nodeId: here.parentId }, context);
    if (!above.ok) break;
    here = above.value.node;
    levels += 1;
  }
  return levels;
}
