import type { Instant } from "#kernel/instant.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { TimeMachine } from "../application/ports/time-machine.ts";
import type { NodeId } from "../domain/ids.ts";
import { newContentOf } from "../domain/content.ts";
import { nameKey } from "../domain/node-name.ts";
import type { Node, Placed, Trashed } from "../domain/node.ts";
import type { Past } from "../domain/rewind.ts";
import { byText, type PastPlace, type Tables } from "./memory-tables.ts";

type Movable = Placed | Trashed;
const isMovable = (node: Node): node is Movable => node.status !== "root";
const placeOf = ({ parentId, name, ...node }: Movable) =>
  JSON.stringify([parentId, name, "trashedAt" in node ? node.trashedAt : ""]);

/** Keeps a node, and where it was if it is elsewhere now. */
export const keptIn =
  ({ nodes, pastPlaces }: Tables, { change, put }: MemoryTransaction) =>
  (node: Node): void => {
    const before = nodes.rows.get(node.id);
    if (before && isMovable(before) && isMovable(node) && placeOf(before) !== placeOf(node)) {
      const { id: nodeId, version, parentId, name, status } = before;
      const isTrashed = status === "trashed";
      const until = node.changedAt;
      const place = { nodeId, version, parentId, name, isTrashed, until };
      change<PastPlace>(pastPlaces, `${nodeId} ${version}`, () => place);
    }
    put<Node>(nodes, node.id, node);
  };

/** What nodes were, in memory. */
export function timeMachineIn({ nodes, revisions, pastPlaces }: Tables): TimeMachine {
  const all = () => [...nodes.rows.values()].filter(isMovable);
  function contentAt(node: Movable, at: Instant) {
    if (node.kind === "folder") return {};
    const [then] = [...revisions.rows.values()]
      .filter((one) => one.nodeId === node.id && one.createdAt <= at)
      .toSorted((a, b) => b.revision - a.revision);
    const held = then ?? node.content;
    return { content: { ...newContentOf(held), revision: held.revision } };
  }
  function pastOf(node: Movable, at: Instant): readonly Past[] {
    const [place] = [...pastPlaces.rows.values()]
      .filter((one) => one.nodeId === node.id && one.until > at)
      .toSorted((a, b) => a.version - b.version);
    const isTrashed = place ? place.isTrashed : node.status === "trashed";
    if (node.createdAt > at || isTrashed) return [];
    const { parentId, name } = place ?? node;
    return [{ node, parentId, name, ...contentAt(node, at) }];
  }
  const childrenAt = (folderId: NodeId, at: Instant) =>
    all()
      .flatMap((node) => pastOf(node, at))
      .filter(({ parentId }) => parentId === folderId)
      .toSorted((a, b) => byText(nameKey(a.name), nameKey(b.name)));
  const belowNow = (folderId: NodeId): readonly Placed[] =>
    all()
      .filter((node): node is Placed => node.status === "placed" && node.parentId === folderId)
      .flatMap((node) => [node, ...belowNow(node.id)]);
  return {
    children: async ({ folderId, at, after = "", limit }) =>
      childrenAt(folderId, at)
        .filter(({ name }) => byText(nameKey(name), after) > 0)
        .slice(0, limit),
    async below(folderId, { at, limit }) {
      const found = [...childrenAt(folderId, at)];
      for (const { node } of found)
        found.push(...childrenAt(node.id, at).filter((one) => one.node.id !== folderId));
      return found.slice(0, limit);
    },
    belowNow: async (folderIds, { limit }) => folderIds.flatMap(belowNow).slice(0, limit),
  };
}
