import { saved } from "#kernel/change.ts";
import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import type { Revision } from "../application/ports/revisions.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId } from "../domain/ids.ts";
import { erasedName, nameKey, searchedKey, type NodeName } from "../domain/node-name.ts";
import { Space } from "../domain/space.ts";
import type { Lock } from "../domain/lock.ts";
import type { Node, Placed, Trashed } from "../domain/node.ts";
import { keptIn } from "./memory-time-machine.ts";
import {
  byText,
  type KeptLink,
  type KeptProperties,
  type PastPlace,
  type Tables,
} from "./memory-tables.ts";

const isPlaced = (node: Node): node is Placed => node.status === "placed";
const isTrashed = (node: Node): node is Trashed => node.status === "trashed";
const parentOf = (node: Node) => (node.status === "root" ? undefined : node.parentId);

function purgesIn(
  { nodes, revisions, links, locks, properties, pastPlaces }: Tables,
  { change, append, redact }: MemoryTransaction,
): Pick<Nodes, "purgeBelow" | "purge" | "expired"> {
  const all = () => [...nodes.rows.values()];
  const purge = (ids: readonly NodeId[]) => {
    const gone = new Set<string>(ids);
    for (const [key, { nodeId }] of revisions.rows)
      if (gone.has(nodeId)) change<Revision>(revisions, key, () => undefined);
    for (const [key, { nodeId }] of links.rows)
      if (gone.has(nodeId)) change<KeptLink>(links, key, () => undefined);
    for (const [key, { nodeId }] of locks.rows)
      if (gone.has(nodeId)) change<Lock>(locks, key, () => undefined);
    for (const [key, { nodeId }] of properties.rows)
      if (gone.has(nodeId)) change<KeptProperties>(properties, key, () => undefined);
    for (const [key, { nodeId }] of pastPlaces.rows)
      if (gone.has(nodeId)) change<PastPlace>(pastPlaces, key, () => undefined);
    for (const id of ids) change<Node>(nodes, id, () => undefined);
    redact(ids, { name: erasedName });
  };
  const below = (id: NodeId): readonly Node[] =>
    all()
      .filter((one) => parentOf(one) === id)
      .flatMap((one) => [...below(one.id), one]);
  return {
    async purgeBelow(folderId, limit) {
      const some = below(folderId).slice(0, limit);
      purge(some.map(({ id }) => id));
      return some.length;
    },
    purge({ state, events }) {
      append(state.id, state.version, events);
      purge([state.id]);
    },
    expired: async (before, besides, limit) =>
      all()
        .filter(isTrashed)
        .filter(({ id, trashedAt }) => trashedAt < before && !besides.includes(id))
        .slice(0, limit),
  };
}

/** Looks for nodes that are not in the trash by themselves. */
function placedIn({ nodes }: Tables): Pick<Nodes, "child" | "down" | "children" | "withContent"> {
  const all = () => [...nodes.rows.values()].filter(isPlaced);
  return {
    child: async (folderId, key) =>
      all().find((node) => node.parentId === folderId && nameKey(node.name) === key),
    async down(folderId, keys) {
      const way: Placed[] = [];
      for (const key of keys) {
        const next = all().find(
          (one) => one.parentId === (way.at(-1)?.id ?? folderId) && nameKey(one.name) === key,
        );
        if (!next) break;
        way.push(next);
      }
      return way;
    },
    children: async ({ folderId, after = "", limit }) =>
      all()
        .filter((node) => node.parentId === folderId && byText(nameKey(node.name), after) > 0)
        .toSorted((a, b) => byText(nameKey(a.name), nameKey(b.name)))
        .slice(0, limit),
    withContent: async (spaceId, { hash, size }) =>
      all()
        .filter((node) => node.kind === "file")
        .find(
          ({ spaceId: at, content }) =>
            at === spaceId && content.hash === hash && content.size === size,
        ),
  };
}

/** Saves many nodes in memory. */
const savingAll = (tables: Tables, transaction: MemoryTransaction): Nodes["saveAll"] => {
  const { nodes } = tables;
  const { append, put } = transaction;
  const keep = keptIn(tables, transaction);
  return (_folder, { changed, created }) => {
    const changes = [...changed, ...created];
    const after = changes.map((change) => saved(change));
    for (const { state, events } of changes) append(state.id, state.version, events);
    for (const { id, version } of after) {
      const before = nodes.rows.get(id);
      // A name that no node can have, while names are exchanged.
      if (before) put<Node>(nodes, id, { ...before, version, name: `/${id}` as NodeName });
    }
    for (const node of after) keep(node);
  };
};

/** Nodes in memory. */
export function nodesIn(tables: Tables, transaction: MemoryTransaction): Nodes {
  const { nodes, spaces } = tables;
  const { append } = transaction;
  const keep = keptIn(tables, transaction);
  const all = () => [...nodes.rows.values()];
  function aboveOf(node: Node): readonly Node[] {
    const parentId = parentOf(node);
    const parent = parentId === undefined ? undefined : nodes.rows.get(parentId);
    return parent ? [parent, ...aboveOf(parent)] : [];
  }
  const foldersIn = (id: NodeId) =>
    all().filter((node) => node.kind === "folder" && parentOf(node) === id);
  const heightOf = (id: NodeId, most: number): number =>
    most <= 1 ? 1 : 1 + Math.max(0, ...foldersIn(id).map((one) => heightOf(one.id, most - 1)));
  return {
    save: saving<Node, DriveEvent>(append, idOf, keep),
    saveAll: savingAll(tables, transaction),
    named: async (spots) =>
      all()
        .filter(isPlaced)
        .filter((one) =>
          spots.some(
            ({ parentId, name }) =>
              one.parentId === parentId && nameKey(one.name) === nameKey(name),
          ),
        ),
    async locate(id, userId) {
      const node = nodes.rows.get(id);
      const space = node && spaces.rows.get(node.spaceId);
      if (!space) return undefined;
      const above = aboveOf(node).map((one) => ({ id: one.id, isTrashed: isTrashed(one) }));
      return { node, above, ownerId: space.ownerId, role: Space.roleOf(space, userId) };
    },
    seen: async (ids) =>
      ids.flatMap((id) => {
        const node = nodes.rows.get(id);
        return node ? [{ node, inTrash: [node, ...aboveOf(node)].some(isTrashed) }] : [];
      }),
    ...placedIn(tables),
    async search({ spaceId, words, limit }) {
      const found = all()
        .filter(isPlaced)
        .filter((one) => one.spaceId === spaceId && !aboveOf(one).some(isTrashed))
        .filter(({ name }) => words.every((word) => searchedKey(nameKey(name)).includes(word)))
        .toSorted((a, b) => byText(b.changedAt + b.id, a.changedAt + a.id))
        .slice(0, limit);
      const folders = (node: Node) => aboveOf(node).filter(({ status }) => status !== "root");
      const items = found.map((node) => ({
        node,
        above: folders(node)
          .map(({ name }) => name)
          .toReversed(),
      }));
      return { items, isComplete: true };
    },
    height: async (id, most) => heightOf(id, most),
    ...purgesIn(tables, transaction),
    trashed: async ({ spaceId, before, limit }) => {
      const place = (one: { readonly trashedAt: string; readonly id: string }) =>
        `${one.trashedAt} ${one.id}`;
      return all()
        .filter(isTrashed)
        .filter((one) => one.spaceId === spaceId && (!before || place(one) < place(before)))
        .toSorted((a, b) => byText(place(b), place(a)))
        .slice(0, limit);
    },
  };
}
