import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Changes } from "../application/ports/changes.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";

type LookRow = {
  readonly position: number | null;
  readonly id: string | null;
  readonly is_known: boolean;
};
/** Up to the horizon of the log, or an event that lay before it once, no event can appear any more. What lies before it is read by a statement of its own. */
const look = statement<LookRow>(
  "drive.changes-look",
  `select last.position, last.id,
          case when $1::bigint = 0 then last.id is null or exists (select from drive.events where position = 1)
               else $1 is null or known.position is not null end as is_known
     from drive.horizon() h
     left join drive.events known on known.position = $1 and known.id = $2
     left join lateral (select position, id from drive.events
                         where position <= greatest(h.horizon, known.position)
                         order by position desc limit 1) last on true`,
);
type ChangeRow = {
  readonly position: number;
  readonly id: string;
  readonly stream: string;
  readonly occurred_at: Instant;
};
const between = statement<ChangeRow>(
  "drive.changes-between",
  `select position, id, stream, occurred_at from drive.events
    where payload ->> 'spaceId' = $1 and payload ->> 'nodeId' is not null and position > $2 and position <= $3
    order by position limit $4`,
);

type PlaceRow = {
  readonly id: string;
  readonly parent_id: string | null;
  readonly name: string | null;
  readonly is_trashed: boolean;
  readonly is_lost: boolean;
};
/**
 * The first event of a node after a position tells which version it had there, and where that one was: in the first place that it left with this version or a
 * later one, or where it is still. One that was deleted for good has no places, and was somewhere unless it was made later, or lay in the trash.
 */
const placeAt = (node: string) => `(
  select ${node} as id, coalesce(p.parent_id, n.parent_id) as parent_id, coalesce(p.name, n.name) as name,
         case when p.node_id is null then n.trashed_at else p.trashed_at end is not null as is_trashed,
         n.id is null and e.version > 1 and e.type <> 'drive.node-purged' as is_lost
    from (select 1) one
    left join lateral (select version, type from drive.events where stream = ${node} and position > $2::bigint
                        order by version limit 1) e on true
    left join lateral (select * from drive.nodes where id = ${node} offset 0) n on e.version is null or e.version > 1
    left join lateral (select * from drive.past_places where node_id = ${node} and version >= e.version - 1
                        order by version limit 1) p on n.id is not null)`;
const placesAt = statement<PlaceRow>(
  "drive.changes-places",
  `with recursive places (id, parent_id, name, is_trashed, is_lost) as (
     select a.* from unnest($1::text[]) c(id) cross join lateral ${placeAt('c.id collate "C"')} a
     union
     select a.* from places c cross join lateral ${placeAt("c.parent_id")} a where c.parent_id is not null)
   select * from places`,
);

const spaces = statement<{ readonly space_id: string }>(
  "drive.changes-spaces",
  `select distinct payload ->> 'spaceId' as space_id from drive.events
    where position > $1 and position <= $2 and payload ? 'spaceId'`,
);

export const postgresChanges = ({ read }: Transaction): Changes => ({
  async look(before) {
    const [row] = await read(look, [before?.position ?? null, before?.id ?? null]);
    const { position = null, id = null, is_known: isKnown = false } = row ?? {};
    return { last: position === null || id === null ? undefined : { position, id }, isKnown };
  },
  spaces: async ({ after, until }) =>
    (await read(spaces, [after, until])).map((row) => row.space_id as SpaceId),
  between: async ({ spaceId, after, until, limit }) =>
    (await read(between, [spaceId, after, until, limit])).map(
      ({ stream, occurred_at: at, ...mark }) => ({ ...mark, at, nodeId: stream as NodeId }),
    ),
  async placesAt(nodeIds, after) {
    const rows = await read(placesAt, [nodeIds, after ?? null]);
    const there = rows.filter(({ name }) => name !== null);
    return {
      places: there.map((row) => ({
        nodeId: row.id as NodeId,
        parentId: (row.parent_id as NodeId | null) ?? undefined,
        name: row.name as NodeName,
        isTrashed: row.is_trashed,
      })),
      lost: rows.flatMap(({ id, is_lost: isLost }) => (isLost ? [id as NodeId] : [])),
    };
  },
});
