import { Instant } from "#kernel/instant.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Retention } from "../application/ports/retention.ts";

type Row = { readonly at: Instant };
const keptFrom = statement<Row>(
  "drive.kept-from",
  "select kept_from as at from drive.retention where only_row = 1",
);
/** The end of a slice of time in which some revisions replaced others. Those of one instant are in one slice. */
const sliceEnd = statement<Row>(
  "drive.retention-slice",
  `select created_at as at from drive.revisions
    where number > 1 and created_at > $1::timestamptz and created_at < $2::timestamptz
    order by created_at offset $3 limit 1`,
);
/** Of each file, the last revision of the slice: those before it were replaced by then. */
const deleteReplaced = (table: string) =>
  `delete from drive.${table} r using (
     select node_id, max(number) as number from drive.revisions
      where number > 1 and created_at >= $1::timestamptz and created_at < $2::timestamptz group by 1) l
    where r.node_id = l.node_id and r.number < l.number`;
const prunes = [
  ["manifests", deleteReplaced("manifests")],
  ["revisions", deleteReplaced("revisions")],
  [
    "past-places",
    "delete from drive.past_places where until >= $1::timestamptz and until < $2::timestamptz",
  ],
  [
    "kept-from",
    "update drive.retention set kept_from = $2::timestamptz where only_row = 1 and kept_from = $1::timestamptz",
  ],
].map(([name = "", text = ""]) => mutation(`drive.prune-${name}`, inTurn, text));

export const postgresRetention = ({ read, write }: Transaction): Retention => {
  const from = async () => (await read(keptFrom, []))[0]?.at ?? Instant.fromUnixMs(0);
  return {
    keptFrom: from,
    async prune(until, limit) {
      const since = await from();
      if (since >= until) return since;
      const [slice] = await read(sliceEnd, [since, until, limit]);
      const end = slice?.at ?? until;
      for (const one of prunes) write(one, [since, end]);
      return end;
    },
  };
};
