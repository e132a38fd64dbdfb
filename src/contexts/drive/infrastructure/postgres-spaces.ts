import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { redactIn } from "#platform/events/redact.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Spaces } from "../application/ports/spaces.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId, OwnerId, SpaceId, UserId } from "../domain/ids.ts";
import { erasedName, type NodeName } from "../domain/node-name.ts";
import type { Member, Space } from "../domain/space.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string;
  readonly name: string;
  readonly root_id: string;
  readonly opened_at: Instant;
  readonly version: number;
  readonly members: Readonly<Record<string, Omit<Member, "userId">>>;
};
const columns = "id, owner_id, name, root_id, opened_at, version, members";

const byId = statement<Row>(
  "drive.space-by-id",
  `select ${columns} from drive.spaces where id = $1`,
);
const ofOwner = statement<Row>(
  "drive.spaces-of-owner",
  `select ${columns} from drive.spaces where owner_id = $1 order by id`,
);
const ofMember = statement<Row>(
  "drive.spaces-of-member",
  `select ${columns} from drive.spaces where members ? $1 order by id`,
);
const update = mutation(
  "drive.space-update",
  "spaces",
  `update drive.spaces set name = $2, members = $3::jsonb, version = $4::bigint
    where id = $1 and (select drive.hold_space($1))`,
);
const hasNodes = statement<{ readonly has: boolean }>(
  "drive.space-has-nodes",
  "select exists (select from drive.nodes where space_id = $1 and parent_id is not null) as has",
);
const redact = redactIn("drive");
const close = mutation("drive.space-close", inTurn, "select drive.close_space($1)");
const insert = mutation(
  "drive.space-insert",
  "spaces",
  `insert into drive.spaces (${columns}) values ($1, $2, $3, $4, $5::timestamptz, $6::bigint, $7::jsonb)`,
);

const toSpace = (row: Row): Space => ({
  id: row.id as SpaceId,
  ownerId: row.owner_id as OwnerId,
  name: row.name as NodeName,
  rootId: row.root_id as NodeId,
  openedAt: row.opened_at,
  version: row.version as Version,
  members: Object.entries(row.members)
    .map(([userId, member]) => ({ userId: userId as UserId, ...member }))
    .toSorted((a, b) => (a.joinedAt < b.joinedAt ? -1 : 1)),
});
const membersOf = ({ members }: Space): string =>
  JSON.stringify(
    Object.fromEntries(members.map(({ userId, role, joinedAt }) => [userId, { role, joinedAt }])),
  );

export const postgresSpaces = ({ read, write, append }: Transaction): Spaces => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toSpace(row);
  },
  ofOwner: async (ownerId) => (await read(ofOwner, [ownerId])).map(toSpace),
  hasNodes: async (id) => (await read(hasNodes, [id]))[0]?.has === true,
  close({ state, events }) {
    append(state.id, state.version, events);
    write(close, [state.id]);
    write(redact, [[state.id, state.rootId], JSON.stringify({ name: erasedName })]);
  },
  ofMember: async (userId) => (await read(ofMember, [userId])).map(toSpace),
  save: saving<Space, DriveEvent>(append, idOf, (space, { state }) => {
    const { id, version } = space;
    const members = membersOf(space);
    if (state.version > 0) return write(update, [id, space.name, members, version]);
    const { ownerId, name, rootId, openedAt } = space;
    return write(insert, [id, ownerId, name, rootId, openedAt, version, members]);
  }),
});
