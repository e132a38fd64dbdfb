import { createHash } from "node:crypto";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { RollUp, RollUps } from "../application/ports/roll-ups.ts";
import type { NodeId } from "../domain/ids.ts";
import type { Node } from "../domain/node.ts";
import type { Tables } from "./memory-tables.ts";

const rollUp = (nodes: readonly Node[]): RollUp => {
  const told = nodes.map(({ id, version }) => `${id} ${version}`).toSorted();
  return {
    tag: createHash("sha256").update(told.join()).digest("base64url").slice(0, 16),
    bytes: nodes.reduce((sum, one) => sum + (one.kind === "file" ? one.content.size : 0), 0),
  };
};

/** Roll-ups in memory. */
export function rollUpsIn({ nodes }: Tables, { log }: MemoryTransaction): RollUps {
  const inside = (folderId: NodeId): readonly Node[] =>
    [...nodes.rows.values()].filter((one) => one.status === "placed" && one.parentId === folderId);
  const withBelow = (node: Node): readonly Node[] => [
    node,
    ...inside(node.id).flatMap((one) => withBelow(one)),
  ];
  return {
    async below(folderId, limit) {
      const folder = nodes.rows.get(folderId);
      const all = folder ? withBelow(folder) : [];
      if (all.length > limit) return undefined;
      return new Map([
        ...inside(folderId).map((one) => [one.id, rollUp(withBelow(one))] as const),
        [folderId, rollUp(all)],
      ]);
    },
    async newest(spaceId) {
      const { mark } = log().look(undefined);
      for (let position = mark?.position ?? 0; position > 0; position -= 1) {
        const payload = log().at(position)?.payload as { readonly spaceId?: string } | undefined;
        if (payload?.spaceId === spaceId) return position;
      }
      return 0;
    },
  };
}
