import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { beginning, type NodeChange } from "../application/ports/changes.ts";
import type { Revision } from "../application/ports/revisions.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId } from "../domain/ids.ts";
import { erasedName } from "../domain/node-name.ts";
import type { Node } from "../domain/node.ts";
import type { Invitation } from "../domain/invitation.ts";
import { Space } from "../domain/space.ts";
import { chunksIn, revisionsIn } from "./memory-content.ts";
import { invitationsIn } from "./memory-invitations.ts";
import { linksIn } from "./memory-links.ts";
import { nodesIn } from "./memory-nodes.ts";
import {
  byText,
  type KeptLink,
  type KeptUpload,
  type PastPlace,
  type Tables,
} from "./memory-tables.ts";
import { timeMachineIn } from "./memory-time-machine.ts";
import { uploadsIn } from "./memory-uploads.ts";

const changesIn = ({ log }: MemoryTransaction): DriveScope["changes"] => ({
  async look(before) {
    const isBeginning = before?.position === beginning.position;
    const { mark, isSame } = log().look(isBeginning ? undefined : before);
    return { last: mark, isKnown: isSame };
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
  (transaction: MemoryTransaction): DriveScope => {
    const { spaces, nodes, revisions } = tables;
    const { change, append, redact } = transaction;
    const ofOwner = (ownerId: string) =>
      [...spaces.rows.values()]
        .filter((space) => space.ownerId === ownerId)
        .toSorted((a, b) => byText(a.id, b.id));
    return {
      spaces: {
        byId: async (id) => spaces.rows.get(id),
        ofOwner: async (ownerId) => ofOwner(ownerId),
        ofMember: async (userId) =>
          [...spaces.rows.values()]
            .filter((space) => Space.roleOf(space, userId) !== undefined)
            .toSorted((a, b) => byText(a.id, b.id)),
        save: saving<Space, DriveEvent>(append, idOf, (space) =>
          change<Space>(spaces, space.id, () => space),
        ),
      },
      invitations: invitationsIn(tables, transaction),
      nodes: nodesIn(tables, transaction),
      revisions: revisionsIn(tables, transaction),
      timeMachine: timeMachineIn(tables),
      changes: changesIn(transaction),
      chunks: chunksIn(tables, transaction),
      uploads: uploadsIn(tables, transaction),
      links: linksIn(tables, transaction),
      personalData: {
        async erase(ownerId) {
          const gone = new Set<string>(ofOwner(ownerId).map(({ id }) => id));
          const lost = [...nodes.rows.values()].filter(({ spaceId }) => gone.has(spaceId));
          const ids = new Set<string>(lost.map(({ id }) => id));
          for (const [key, { nodeId }] of revisions.rows)
            if (ids.has(nodeId)) change<Revision>(revisions, key, () => undefined);
          for (const id of ids) change<Node>(nodes, id, () => undefined);
          for (const [key, { nodeId }] of tables.pastPlaces.rows)
            if (ids.has(nodeId)) change<PastPlace>(tables.pastPlaces, key, () => undefined);
          for (const [id, { nodeId }] of tables.links.rows)
            if (ids.has(nodeId)) change<KeptLink>(tables.links, id, () => undefined);
          for (const [id, one] of tables.uploads.rows)
            if (one.ownerId === ownerId) change<KeptUpload>(tables.uploads, id, () => undefined);
          for (const [id, one] of tables.invitations.rows)
            if (gone.has(one.spaceId)) change<Invitation>(tables.invitations, id, () => undefined);
          for (const [id, { members }] of spaces.rows)
            if (members.some(({ userId }) => userId === ownerId))
              change<Space>(
                spaces,
                id,
                (space) =>
                  space && {
                    ...space,
                    members: space.members.filter(({ userId }) => userId !== ownerId),
                  },
              );
          for (const id of gone) change<Space>(spaces, id, () => undefined);
          redact([...ids, ...gone], { name: erasedName });
        },
      },
    };
  };
