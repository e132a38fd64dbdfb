import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Properties } from "../application/ports/properties.ts";
import type { KeptProperties, Tables } from "./memory-tables.ts";

/** Properties in memory. */
export function propertiesIn({ properties }: Tables, { change }: MemoryTransaction): Properties {
  return {
    async of(nodeIds) {
      const found = nodeIds.flatMap((id) => properties.rows.get(id) ?? []);
      return new Map(found.map((one) => [one.nodeId, one.properties]));
    },
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
