import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { Changes } from "../application/ports/changes.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";

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
type ChangeRow = { readonly position: number; readonly id: string; readonly stream: string };
const between = statement<ChangeRow>(
  "drive.changes-between",
  `select position, id, stream from drive.events
    where payload ->> 'spaceId' = $1 and payload ->> 'nodeId' is not null and position > $2 and position <= $3
    order by position limit $4`,
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
    (await read(between, [spaceId, after, until, limit])).map(({ stream, ...mark }) => ({
      ...mark,
      nodeId: stream as NodeId,
    })),
});
