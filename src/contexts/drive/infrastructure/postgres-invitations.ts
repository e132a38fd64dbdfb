import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Invitations } from "../application/ports/invitations.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { InvitationId, SpaceId, UserId } from "../domain/ids.ts";
import type { Address, Invitation } from "../domain/invitation.ts";
import type { MemberRole } from "../domain/member-role.ts";

type Row = {
  readonly id: string;
  readonly space_id: string;
  readonly email: string;
  readonly role: MemberRole;
  readonly invited_by: string;
  readonly created_at: Instant;
  readonly expires_at: Instant;
  readonly version: number;
};
const columns = "id, space_id, email, role, invited_by, created_at, expires_at, version";

const byId = statement<Row>(
  "drive.invitation-by-id",
  `select ${columns} from drive.invitations where id = $1`,
);
const toSpace = statement<Row>(
  "drive.invitations-to-space",
  `select ${columns} from drive.invitations where space_id = $1 order by id`,
);
const ofAddress = statement<Row>(
  "drive.invitations-of-address",
  `select ${columns} from drive.invitations where email = $1 order by id limit $2`,
);
/** One into a space that was deleted meanwhile is refused. */
const insert = mutation(
  "drive.invitation-insert",
  inTurn,
  `insert into drive.invitations (${columns})
   select $1, $2, $3, $4, $5, $6::timestamptz, $7::timestamptz, $8::bigint where drive.hold_space($2)`,
);
const remove = mutation(
  "drive.invitation-remove",
  inTurn,
  "delete from drive.invitations where id = $1",
);
const expire = mutation(
  "drive.invitations-expire",
  inTurn,
  "delete from drive.invitations where expires_at <= $1::timestamptz",
);

const toInvitation = (row: Row): Invitation => ({
  id: row.id as InvitationId,
  spaceId: row.space_id as SpaceId,
  email: row.email as Address,
  role: row.role,
  invitedBy: row.invited_by as UserId,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  version: row.version as Version,
});

export const postgresInvitations = ({ read, write, append }: Transaction): Invitations => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toInvitation(row);
  },
  toSpace: async (spaceId) => (await read(toSpace, [spaceId])).map(toInvitation),
  ofAddress: async (email, limit) => (await read(ofAddress, [email, limit])).map(toInvitation),
  save: saving<Invitation, DriveEvent>(append, idOf, (one) =>
    write(insert, [
      one.id,
      one.spaceId,
      one.email,
      one.role,
      one.invitedBy,
      one.createdAt,
      one.expiresAt,
      one.version,
    ]),
  ),
  end({ state, events }) {
    append(state.id, state.version, events);
    write(remove, [state.id]);
  },
  expire: (now) => write(expire, [now]),
});
