import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId } from "../domain/ids.ts";
import type { Lock } from "../domain/lock.ts";
import { byText, type Tables } from "./memory-tables.ts";

/** Locks in memory. */
export function locksIn(
  { locks, nodes }: Tables,
  { change, append }: MemoryTransaction,
): DriveScope["locks"] {
  const all = () => [...locks.rows.values()].toSorted((a, b) => byText(a.id, b.id));
  const remove = (is: (lock: Lock) => boolean) => {
    for (const [id, lock] of locks.rows) if (is(lock)) change<Lock>(locks, id, () => undefined);
  };
  const isInTrash = (id: NodeId): boolean => {
    const node = nodes.rows.get(id);
    return node?.status === "trashed" || (node?.status === "placed" && isInTrash(node.parentId));
  };
  const liesBelow = (id: NodeId, folderId: NodeId): boolean => {
    const node = nodes.rows.get(id);
    if (!node || node.status === "root") return false;
    return node.parentId === folderId || liesBelow(node.parentId, folderId);
  };
  return {
    byId: async (id, now) => all().find((lock) => lock.id === id && lock.expiresAt > now),
    covering: async ({ node, above }, now) =>
      all()
        .filter(({ expiresAt }) => expiresAt > now)
        .filter(
          (lock) =>
            lock.nodeId === node.id ||
            (lock.coversBelow && above.some(({ id }) => id === lock.nodeId)),
        ),
    below: async (folderId, spaceId, now) =>
      all()
        .filter((lock) => lock.spaceId === spaceId && lock.expiresAt > now)
        .filter((lock) => liesBelow(lock.nodeId, folderId) && !isInTrash(lock.nodeId)),
    count: async (spaceId, now) =>
      all().filter(
        ({ spaceId: at, expiresAt, nodeId }) =>
          at === spaceId && expiresAt > now && !isInTrash(nodeId),
      ).length,
    save: saving<Lock, DriveEvent>(append, idOf, (lock, { state }) =>
      change<Lock>(locks, lock.id, (found) => (state.version > 0 ? found && lock : lock)),
    ),
    release({ state, events }) {
      append(state.id, state.version, events);
      change<Lock>(locks, state.id, () => undefined);
    },
    endOf: (holderId, spaceId) =>
      remove((lock) => lock.holderId === holderId && lock.spaceId === spaceId),
    expire: (spaceId, now) => remove((lock) => lock.spaceId === spaceId && lock.expiresAt <= now),
  };
}
