import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { beginning, type NodeChange } from "../application/ports/changes.ts";
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

const changesIn = ({ log }: MemoryTransaction): DriveScope["changes"] => ({
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
        found.push({ position, id: event.id, nodeId: payload.nodeId });
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
    changes: changesIn(transaction),
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
