import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { mutation } from "#platform/postgres/writes.ts";
import type { Spaces } from "../application/ports/spaces.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId, OwnerId, SpaceId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Space } from "../domain/space.ts";

type Row = {
  readonly id: string;
  readonly owner_id: string;
  readonly name: string;
  readonly root_id: string;
  readonly opened_at: Instant;
  readonly version: number;
};
const columns = "id, owner_id, name, root_id, opened_at, version";

const byId = statement<Row>(
  "drive.space-by-id",
  `select ${columns} from drive.spaces where id = $1`,
);
const ofOwner = statement<Row>(
  "drive.spaces-of-owner",
  `select ${columns} from drive.spaces where owner_id = $1 order by id`,
);
const insert = mutation(
  "drive.space-insert",
  "spaces",
  `insert into drive.spaces (${columns}) values ($1, $2, $3, $4, $5::timestamptz, $6::bigint)`,
);

const toSpace = (row: Row): Space => ({
  id: row.id as SpaceId,
  ownerId: row.owner_id as OwnerId,
  name: row.name as NodeName,
  rootId: row.root_id as NodeId,
  openedAt: row.opened_at,
  version: row.version as Version,
});

export const postgresSpaces = ({ read, write, append }: Transaction): Spaces => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toSpace(row);
  },
  ofOwner: async (ownerId) => (await read(ofOwner, [ownerId])).map(toSpace),
  save: saving<Space, DriveEvent>(append, idOf, (space) =>
    write(insert, [
      space.id,
      space.ownerId,
      space.name,
      space.rootId,
      space.openedAt,
      space.version,
    ]),
  ),
});
