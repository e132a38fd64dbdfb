import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Properties } from "../application/ports/properties.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";
import type { KeptProperties, Tables } from "./memory-tables.ts";

/** Properties in memory. */
export function propertiesIn(
  { properties, nodes }: Tables,
  { change }: MemoryTransaction,
): Properties {
  const among = (spaceId: SpaceId, nodeIds: readonly NodeId[]) =>
    nodeIds
      .filter((id) => nodes.rows.get(id)?.spaceId === spaceId)
      .flatMap((id) => properties.rows.get(id) ?? []);
  return {
    async of(spaceId, nodeIds) {
      const found = among(spaceId, nodeIds);
      return new Map(found.map((one) => [one.nodeId, one.properties]));
    },
    having: async (spaceId, nodeIds) => among(spaceId, nodeIds).map(({ nodeId }) => nodeId),
    save: ({ id: nodeId }, kept) =>
      change<KeptProperties>(properties, nodeId, () =>
        kept.length === 0 ? undefined : { nodeId, properties: kept },
      ),
    copy(copies) {
      for (const { from, to: nodeId } of copies)
        change<KeptProperties>(properties, nodeId, () => {
          const found = properties.rows.get(from);
          return found && { ...found, nodeId };
        });
    },
  };
}
