import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Placed } from "../domain/node.ts";
import { nodeColumns, toNode, type NodeRow } from "./node-rows.ts";

/** Names that are looked at, those in the trash too, and those that are put in order: a frequent part of names is in any number of them. */
const [mostMatches, mostLive] = [10_000, 1_000];

/** One row at least, of no node, which says whether all are there. */
type FoundRow = { readonly is_complete: boolean } & (
  | (NodeRow & { readonly above: readonly NodeName[] })
  | { readonly id: null }
);

const searched = "replace(n.name_key, 'ς', 'σ')";
/** The three longest parts are looked up by their trigrams. */
const search = statement<FoundRow>(
  "drive.nodes-search",
  `with matches as materialized (
     select ${nodeColumns} from drive.nodes n
      where n.space_id = $1 and n.trashed_at is null and n.parent_id is not null
        and ${searched} like $2 and ${searched} like $3 and ${searched} like $4 and ${searched} like all($5::text[])
      limit ${mostMatches}),
   live as materialized (
     select n.*, w.above
       from matches n cross join lateral (
         with recursive way (id, parent_id, name, trashed_at, step) as (
           select p.id, p.parent_id, p.name, p.trashed_at, 1 from drive.nodes p where p.id = n.parent_id
           union all
           select p.id, p.parent_id, p.name, p.trashed_at, w.step + 1 from way w join drive.nodes p on p.id = w.parent_id)
         select bool_or(trashed_at is not null) as in_trash,
                coalesce(array_agg(name order by step desc) filter (where parent_id is not null), '{}') as above from way) w
      where not w.in_trash limit ${mostLive})
   select (select count(*) from matches) < ${mostMatches} and (select count(*) from live) < ${mostLive} as is_complete, l.*
     from (select 1) one left join (select * from live order by changed_at desc, id desc limit $6) l on true
    order by l.changed_at desc, l.id desc`,
);

const containing = (word: string) => `%${word.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;

export const searchOn = ({ read }: Transaction): Pick<Nodes, "search"> => ({
  async search({ spaceId, words, limit }) {
    const patterns = words.toSorted((a, b) => b.length - a.length).map(containing);
    const [first = "%", second = "%", third = "%", ...others] = patterns;
    const rows = await read(search, [spaceId, first, second, third, others, limit]);
    const items = rows.flatMap((row) =>
      row.id === null ? [] : [{ node: toNode(row) as Placed, above: row.above }],
    );
    return { items, isComplete: rows[0]?.is_complete === true };
  },
});
