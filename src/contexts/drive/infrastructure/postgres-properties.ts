import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Properties } from "../application/ports/properties.ts";
import type { NodeId } from "../domain/ids.ts";
import type { Property } from "../domain/property.ts";

type Row = { readonly node_id: NodeId; readonly properties: readonly Property[] };

const ofNodes = statement<Row>(
  "drive.properties-of-nodes",
  "select node_id, properties from drive.properties where node_id = any($2::text[]) and space_id = $1",
);
const having = statement<Pick<Row, "node_id">>(
  "drive.properties-having",
  "select node_id from drive.properties where node_id = any($2::text[]) and space_id = $1",
);
/** Those of a node that was purged meanwhile are refused. */
const keep = mutation(
  "drive.properties-keep",
  inTurn,
  `insert into drive.properties (node_id, space_id, properties)
   select $1, $2, $3::jsonb where drive.hold_node($1)
   on conflict (node_id) do update set properties = excluded.properties`,
);
const remove = mutation(
  "drive.properties-remove",
  inTurn,
  "delete from drive.properties where node_id = $1",
);
const copy = mutation(
  "drive.properties-copy",
  inTurn,
  `insert into drive.properties (node_id, space_id, properties)
   select c.made, c.space_id, p.properties
     from unnest($1::text[], $2::text[], $3::text[]) c (source, made, space_id) join drive.properties p on p.node_id = c.source collate "C"`,
);

/** What clients keep with files and folders. */
export const postgresProperties = ({ read, write }: Transaction): Properties => ({
  async of(spaceId, nodeIds) {
    const rows = await read(ofNodes, [spaceId, nodeIds]);
    return new Map(rows.map(({ node_id: id, properties }) => [id, properties]));
  },
  having: async (spaceId, nodeIds) =>
    (await read(having, [spaceId, nodeIds])).map((row) => row.node_id),
  save({ id, spaceId }, properties) {
    if (properties.length === 0) return write(remove, [id]);
    return write(keep, [id, spaceId, JSON.stringify(properties)]);
  },
  copy: (copies) =>
    write(copy, [
      copies.map(({ from }) => from),
      copies.map(({ to }) => to),
      copies.map(({ spaceId }) => spaceId),
    ]),
});
