import type { Instant } from "#kernel/instant.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { TimeMachine } from "../application/ports/time-machine.ts";
import type { RevisionNumber } from "../domain/content.ts";
import type { NodeId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Placed, Trashed } from "../domain/node.ts";
import type { Past } from "../domain/rewind.ts";
import { nodeColumns, toContent, toldOfContent, toNode, type NodeRow } from "./node-rows.ts";

/** Where a node was, in the place of where it is; looked up by the folder that it was in. */
const placesAt = (folder: string, at: string) => `
  select n.id, coalesce(p.parent_id, n.parent_id) as parent_id, coalesce(p.name, n.name) as name,
         coalesce(p.name_key, n.name_key) as name_key
    from (select id from drive.nodes where parent_id = ${folder}
           union select node_id from drive.past_places where parent_id = ${folder} and until > ${at}) c
    cross join lateral (select * from drive.nodes where id = c.id and created_at <= ${at} offset 0) n
    left join lateral (select * from drive.past_places
                        where node_id = n.id and until > ${at} order by version limit 1) p on true
   where coalesce(p.parent_id, n.parent_id) = ${folder}
     and case when p.node_id is null then n.trashed_at else p.trashed_at end is null`;
/** What a file held; mostly, what it holds. */
const contentAt = (at: string) => `
  left join lateral (select number, size, hash, ${toldOfContent("v", "created_at")} from drive.revisions v
                      where node_id = n.id and n.kind = 'file' and n.changed_at > ${at} and created_at <= ${at}
                      order by number desc limit 1) r on true`;
const pastColumns = `${nodeColumns}, c.parent_id as was_in, c.name as was_named,
  coalesce(r.number, n.revision) as was_revision, coalesce(r.size, n.size) as was_size, coalesce(r.hash, n.hash) as was_hash,
  r.media_type as was_media_type, r.modified_at as was_modified_at`;

type PastRow = NodeRow & {
  readonly was_in: string;
  readonly was_named: string;
  readonly was_revision: number | null;
  readonly was_size: number | null;
  readonly was_hash: string | null;
  readonly was_media_type: string | null;
  readonly was_modified_at: Instant | null;
};
const children = statement<PastRow>(
  "drive.nodes-past",
  `select ${pastColumns}
     from (select * from (${placesAt("$1", "$2::timestamptz")}) l
            where l.name_key > $3 order by l.name_key limit $4) c
     cross join lateral (select * from drive.nodes where id = c.id offset 0) n ${contentAt("$2::timestamptz")}
    order by c.name_key`,
);
/** Without the folder itself: where clocks differ, it could have lain below itself. Every other circle is out of its reach. */
const belowAs = (name: string, hold: string) =>
  statement<PastRow>(
    name,
    `with recursive below (id, parent_id, name, depth) as (
     select l.id, l.parent_id, l.name, 1 from (${placesAt("$1", "$2::timestamptz")}) l
     union all
     select l.id, l.parent_id, l.name, b.depth + 1
       from below b cross join lateral (${placesAt("b.id", "$2::timestamptz")}) l where l.id <> $1)
   select ${pastColumns}
     from (select * from below order by depth limit $3) c
     cross join lateral (select * from drive.nodes where id = c.id offset 0 ${hold}) n ${contentAt("$2::timestamptz")}
    order by c.depth`,
  );
const below = belowAs("drive.nodes-past-below", "");
const belowHeld = belowAs("drive.nodes-past-below-held", "for update");
const belowNowAs = (name: string, hold: string) =>
  statement<NodeRow>(
    name,
    `with recursive below (id) as (
     select l.id from unnest($1::text[]) f cross join lateral (
       select id from drive.nodes where parent_id = f and trashed_at is null offset 0) l
     union all
     select l.id from below b cross join lateral (
       select id from drive.nodes where parent_id = b.id and trashed_at is null offset 0) l)
   select ${nodeColumns} from (select id from below limit $2) b
     cross join lateral (select * from drive.nodes where id = b.id offset 0 ${hold}) n`,
  );
const belowNow = belowNowAs("drive.nodes-below-folders", "");
const belowNowHeld = belowNowAs("drive.nodes-below-folders-held", "for update");

function toPast({ was_in, was_named, was_revision, ...row }: PastRow): Past {
  const place = {
    node: toNode(row) as Placed | Trashed,
    parentId: was_in as NodeId,
    name: was_named as NodeName,
  };
  if (was_revision === null) return place;
  const held = toContent({
    size: row.was_size,
    hash: row.was_hash,
    media_type: row.was_media_type ?? row.media_type,
    modified_at: row.was_modified_at ?? row.modified_at,
  });
  return { ...place, content: { ...held, revision: was_revision as RevisionNumber } };
}

/** What nodes were. */
export const postgresTimeMachine = ({ read }: Transaction): TimeMachine => ({
  children: async ({ folderId, at, after = "", limit }) =>
    (await read(children, [folderId, at, after, limit])).map(toPast),
  below: async (folderId, { at, limit, isHeld }) =>
    (await read(isHeld ? belowHeld : below, [folderId, at, limit])).map(toPast),
  belowNow: async (folderIds, { limit, isHeld }) =>
    (await read(isHeld ? belowNowHeld : belowNow, [folderIds, limit])).map(
      (row) => toNode(row) as Placed,
    ),
});
