import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { MemoryTable } from "#platform/memory/memory-table.ts";
import type { PersonalData } from "../application/ports/personal-data.ts";
import type { Spaces } from "../application/ports/spaces.ts";
import type { DriveEvent } from "../domain/events.ts";
import { erasedName } from "../domain/node-name.ts";
import { Space } from "../domain/space.ts";
import { byText, type Tables } from "./memory-tables.ts";

const where = ({ spaces }: Tables, is: (space: Space) => boolean): readonly Space[] =>
  [...spaces.rows.values()].filter(is).toSorted((a, b) => byText(a.id, b.id));

/** Removes rows of a table. */
const removing =
  ({ change }: MemoryTransaction) =>
  <Row>(table: MemoryTable<Row>, is: (row: Row) => boolean): void => {
    for (const [key, row] of table.rows) if (is(row)) change<Row>(table, key, () => undefined);
  };

/** Spaces in memory. */
export function spacesIn(tables: Tables, transaction: MemoryTransaction): Spaces {
  const { spaces, nodes, invitations, links, locks, properties } = tables;
  const { change, append, redact } = transaction;
  const remove = removing(transaction);
  return {
    byId: async (id) => spaces.rows.get(id),
    hasNodes: async (id) =>
      [...nodes.rows.values()].some((one) => one.spaceId === id && one.status !== "root"),
    close({ state: { id, rootId, version }, events }) {
      append(id, version, events);
      remove(nodes, (node) => node.id === rootId);
      remove(invitations, (one) => one.spaceId === id);
      remove(links, (link) => link.nodeId === rootId);
      remove(locks, (lock) => lock.nodeId === rootId);
      remove(properties, ({ nodeId }) => nodeId === rootId);
      remove(spaces, (space) => space.id === id);
      redact([id, rootId], { name: erasedName });
    },
    ofMember: async (userId) => where(tables, (space) => Space.roleOf(space, userId) !== undefined),
    ofOwner: async (ownerId) => where(tables, (space) => space.ownerId === ownerId),
    save: saving<Space, DriveEvent>(append, idOf, (space) =>
      change<Space>(spaces, space.id, () => space),
    ),
  };
}

/** Erases people in memory. */
export function personalDataIn(tables: Tables, transaction: MemoryTransaction): PersonalData {
  const {
    spaces,
    nodes,
    revisions,
    pastPlaces,
    links,
    locks,
    properties,
    uploads,
    stagings,
    invitations,
  } = tables;
  const { change, redact } = transaction;
  const remove = removing(transaction);
  return {
    async erase(ownerId) {
      const own = where(tables, (space) => space.ownerId === ownerId);
      const gone = new Set<string>(own.map(({ id }) => id));
      const lost = [...nodes.rows.values()].filter(({ spaceId }) => gone.has(spaceId));
      const ids = new Set<string>(lost.map(({ id }) => id));
      remove(revisions, ({ nodeId }) => ids.has(nodeId));
      remove(nodes, ({ id }) => ids.has(id));
      remove(pastPlaces, ({ nodeId }) => ids.has(nodeId));
      remove(links, ({ nodeId }) => ids.has(nodeId));
      remove(locks, ({ nodeId, holderId }) => ids.has(nodeId) || holderId === ownerId);
      remove(properties, ({ nodeId }) => ids.has(nodeId));
      remove(uploads, (one) => one.ownerId === ownerId);
      remove(stagings, (one) => one.ownerId === ownerId);
      remove(invitations, ({ spaceId }) => gone.has(spaceId));
      for (const { id } of where(tables, (one) => Space.roleOf(one, ownerId) !== undefined))
        change<Space>(spaces, id, (space) => {
          const members = space?.members.filter(({ userId }) => userId !== ownerId) ?? [];
          return space && { ...space, members };
        });
      remove(spaces, ({ id }) => gone.has(id));
      redact([...ids, ...gone], { name: erasedName });
    },
  };
}
