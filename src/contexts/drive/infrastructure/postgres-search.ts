import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Placed } from "../domain/node.ts";
import { nodeColumns, toNode, type NodeRow } from "./node-rows.ts";

/** Names that are put in order: a frequent part of names is in any number of them. */
const mostMatches = 1_000;

type FoundRow = NodeRow & {
  readonly above: readonly NodeName[];
  readonly in_trash: boolean;
  readonly matches: number;
};

/** The three longest parts are looked up by their trigrams. */
const search = statement<FoundRow>(
  "drive.nodes-search",
  `with matches as materialized (
     select ${nodeColumns} from drive.nodes n
      where n.space_id = $1 and n.trashed_at is null and n.parent_id is not null
        and n.name_key like $2 and n.name_key like $3 and n.name_key like $4 and n.name_key like all($5::text[]) limit ${mostMatches})
   select n.*, w.above, w.in_trash, (select count(*) from matches) as matches
     from matches n cross join lateral (
       with recursive way (id, parent_id, name, trashed_at, step) as (
         select p.id, p.parent_id, p.name, p.trashed_at, 1 from drive.nodes p where p.id = n.parent_id
         union all
         select p.id, p.parent_id, p.name, p.trashed_at, w.step + 1 from way w join drive.nodes p on p.id = w.parent_id)
       select bool_or(trashed_at is not null) as in_trash,
              coalesce(array_agg(name order by step desc) filter (where parent_id is not null), '{}') as above from way) w
    where not w.in_trash
    order by n.changed_at desc, n.id desc limit $6`,
);

const containing = (word: string) => `%${word.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;

export const searchOn = ({ read }: Transaction): Pick<Nodes, "search"> => ({
  async search({ spaceId, words, limit }) {
    const patterns = words.toSorted((a, b) => b.length - a.length).map(containing);
    const [first = "%", second = "%", third = "%", ...others] = patterns;
    const rows = await read(search, [spaceId, first, second, third, others, limit]);
    const items = rows.map(({ above, ...row }) => ({ node: toNode(row) as Placed, above }));
    return { items, isComplete: (rows[0]?.matches ?? 0) < mostMatches };
  },
});
