import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId } from "../domain/ids.ts";
import type { Link } from "../domain/link.ts";
import { byText, type KeptLink, type Tables } from "./memory-tables.ts";

/** Links in memory. */
export function linksIn(
  { links, nodes }: Tables,
  { change, append }: MemoryTransaction,
): DriveScope["links"] {
  const useOf = (visit: string, nodeId: NodeId) => `${visit} ${nodeId}`;
  const usesOf = (id: string) => links.rows.get(id)?.uses ?? [];
  return {
    byId: async (id) => links.rows.get(id),
    ofNode: async (nodeId, limit) =>
      [...links.rows.values()]
        .filter((link) => link.nodeId === nodeId)
        .toSorted((a, b) => byText(a.id, b.id))
        .slice(0, limit),
    save: saving<Link, DriveEvent>(append, idOf, (link) =>
      change<KeptLink>(links, link.id, () => ({ ...link, uses: [] })),
    ),
    revoke({ state, events }) {
      append(state.id, state.version, events);
      change<KeptLink>(links, state.id, () => undefined);
    },
    endOf(madeBy, spaceId) {
      for (const [id, link] of links.rows)
        if (link.madeBy === madeBy && nodes.rows.get(link.nodeId)?.spaceId === spaceId)
          change<KeptLink>(links, id, () => undefined);
    },
    downloads: async (id) => usesOf(id).length,
    hasDownloaded: async (id, visit, nodeId) => usesOf(id).includes(useOf(visit, nodeId)),
    countDownload: (id, visit, nodeId) =>
      change<KeptLink>(
        links,
        id,
        (found) => found && { ...found, uses: [...found.uses, useOf(visit, nodeId)] },
      ),
  };
}
