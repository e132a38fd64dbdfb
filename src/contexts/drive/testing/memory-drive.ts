import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { beginning, type NodeChange, type PlaceAt } from "../application/ports/changes.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";
import { chunksIn, revisionsIn } from "./memory-content.ts";
import { invitationsIn } from "./memory-invitations.ts";
import { linksIn } from "./memory-links.ts";
import { locksIn } from "./memory-locks.ts";
import { nodesIn } from "./memory-nodes.ts";
import { propertiesIn } from "./memory-properties.ts";
import type { Tables } from "./memory-tables.ts";
import { personalDataIn, spacesIn } from "./memory-spaces.ts";
import { stagingsIn } from "./memory-stagings.ts";
import { rollUpsIn } from "./memory-roll-ups.ts";
import { retentionIn } from "./memory-retention.ts";
import { thumbnailsIn } from "./memory-thumbnails.ts";
import { timeMachineIn } from "./memory-time-machine.ts";
import { uploadsIn } from "./memory-uploads.ts";
import { usageIn } from "./memory-usage.ts";

/** Where a node was after the event at a position, in memory. */
function placeIn({ nodes, pastPlaces }: Tables, { log }: MemoryTransaction, after?: number) {
  const { mark } = log().look(undefined);
  const positions = Array.from(
    { length: after === undefined ? 0 : Math.max(0, (mark?.position ?? 0) - after) },
    (_, i) => (after ?? 0) + i + 1,
  );
  return (nodeId: NodeId): PlaceAt | "lost" | undefined => {
    const first = positions
      .flatMap((position) => log().at(position) ?? [])
      .find((event) => (event.payload as { readonly nodeId?: string }).nodeId === nodeId);
    if (first?.version === 1) return undefined;
    const node = nodes.rows.get(nodeId);
    if (!node) return first && first.type !== "drive.node-purged" ? "lost" : undefined;
    const [past] = [...pastPlaces.rows.values()]
      .filter((one) => one.nodeId === nodeId && first && one.version >= first.version - 1)
      .toSorted((a, b) => a.version - b.version);
    if (past) {
      const { parentId: was, name, isTrashed } = past;
      return { nodeId, parentId: was, name, isTrashed };
    }
    const parentId = node.status === "root" ? undefined : node.parentId;
    return { nodeId, parentId, name: node.name, isTrashed: node.status === "trashed" };
  };
}

const changesIn = (tables: Tables, transaction: MemoryTransaction): DriveScope["changes"] => ({
  async placesAt(nodeIds, after) {
    const placeOf = placeIn(tables, transaction, after);
    const places = new Map<NodeId, PlaceAt>();
    const lost: NodeId[] = [];
    for (let ids = [...new Set(nodeIds)]; ids.length > 0;) {
      const found = ids.map((id) => [id, placeOf(id)] as const);
      for (const [id, place] of found)
        if (place === "lost") lost.push(id);
        else if (place)
          places.set(id, {
            nodeId: id,
            parentId: place.parentId,
            name: place.name,
            isTrashed: place.isTrashed,
          });
      const above = found.flatMap(([, place]) =>
        typeof place === "object" ? (place.parentId ?? []) : [],
      );
      ids = [...new Set(above)].filter((id) => !places.has(id));
    }
    return { places: [...places.values()], lost };
  },
  ...readingLog(transaction),
});

const readingLog = ({ log }: MemoryTransaction): Omit<DriveScope["changes"], "placesAt"> => ({
  async look(before) {
    const isBeginning = before?.position === beginning.position;
    const { mark, isSame } = log().look(isBeginning ? undefined : before);
    return { last: mark, isKnown: isSame };
  },
  async spaces({ after, until }) {
    const found = new Set<SpaceId>();
    for (let position = after + 1; position <= until; position += 1) {
      const payload = log().at(position)?.payload as { readonly spaceId?: SpaceId } | undefined;
      if (payload?.spaceId !== undefined) found.add(payload.spaceId);
    }
    return [...found];
  },
  async between({ spaceId, after, until, limit }) {
    const found: NodeChange[] = [];
    for (let position = after + 1; position <= until && found.length < limit; position += 1) {
      const event = log().at(position);
      const payload = event?.payload as { readonly spaceId?: string; readonly nodeId?: NodeId };
      if (event && payload.spaceId === spaceId && payload.nodeId !== undefined)
        found.push({ position, id: event.id, nodeId: payload.nodeId, at: event.occurredAt });
    }
    return found;
  },
});

/** All repositories of the drive in memory, on one transaction. */
export const memoryDrive =
  (tables: Tables) =>
  (transaction: MemoryTransaction): DriveScope => ({
    spaces: spacesIn(tables, transaction),
    invitations: invitationsIn(tables, transaction),
    nodes: nodesIn(tables, transaction),
    revisions: revisionsIn(tables, transaction),
    timeMachine: timeMachineIn(tables),
    rollUps: rollUpsIn(tables, transaction),
    retention: retentionIn(tables, transaction),
    changes: changesIn(tables, transaction),
    chunks: chunksIn(tables, transaction),
    uploads: uploadsIn(tables, transaction),
    stagings: stagingsIn(tables, transaction),
    usage: usageIn(tables, transaction),
    thumbnails: thumbnailsIn(tables, transaction),
    links: linksIn(tables, transaction),
    locks: locksIn(tables, transaction),
    properties: propertiesIn(tables, transaction),
    personalData: personalDataIn(tables, transaction),
  });
