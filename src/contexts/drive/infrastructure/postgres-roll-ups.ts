import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import type { RollUp, RollUps } from "../application/ports/roll-ups.ts";
import type { NodeId } from "../domain/ids.ts";

type Row = {
  readonly top: string;
  readonly nodes: number;
  readonly digest: string;
  readonly bytes: number;
};
/**
 * One row for the folder itself and one for each of its children with everything below that child. The digest sums a hash of each node's id and version, so that
 * the order of the rows does not matter. Each folder is looked up on its own, because a join could read all nodes.
 */
const below = statement<Row>(
  "drive.roll-ups-below",
  `with recursive below (id, top, step, version, size) as (
     select id, id, 0, version, 0::bigint from drive.nodes where id = $1
     union all
     select n.id, case when b.step = 0 then n.id else b.top end, b.step + 1, n.version, n.size
       from below b cross join lateral (
         select id, version, coalesce(size, 0) as size from drive.nodes
          where parent_id = b.id and trashed_at is null offset 0) n)
   select top, count(*) as nodes, sum(hashtextextended(id, version))::text as digest, sum(size)::bigint as bytes
     from (select id, top, version, size from below limit $2) read group by top`,
);
/** What lies before the horizon of the log is all there. */
const newest = statement<{ readonly position: number }>(
  "drive.roll-ups-newest",
  `select e.position from drive.horizon() h cross join lateral (
     select position from drive.events where payload ->> 'spaceId' = $1 and position <= h.horizon
      order by position desc limit 1) e`,
);

const rollUp = (rows: readonly Row[]): RollUp => ({
  tag: `${rows.reduce((sum, { nodes }) => sum + nodes, 0)}.${BigInt.asUintN(
    64,
    rows.reduce((sum, { digest }) => sum + BigInt(digest), 0n),
  ).toString(36)}`,
  bytes: rows.reduce((sum, { bytes }) => sum + bytes, 0),
});

export const postgresRollUps = ({ read }: Transaction): RollUps => ({
  async below(folderId, limit) {
    const rows = await read(below, [folderId, limit + 1]);
    const all = rollUp(rows);
    if (rows.reduce((sum, { nodes }) => sum + nodes, 0) > limit) return undefined;
    const tops = rows.filter(({ top }) => top !== folderId);
    return new Map([
      ...tops.map((row) => [row.top as NodeId, rollUp([row])] as const),
      [folderId, all],
    ]);
  },
  newest: async (spaceId) => (await read(newest, [spaceId]))[0]?.position ?? 0,
});
