import { redactIn } from "#platform/events/redact.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import { erasedName } from "../domain/node-name.ts";
import type { Node, Trashed } from "../domain/node.ts";
import { nodeColumns, toNode, type NodeRow } from "./node-rows.ts";
import { eraseLinks } from "./postgres-links.ts";

/** The deepest come first, so that none is left without the folder that it lies in. */
const below = statement<{ readonly id: string }>(
  "drive.nodes-below",
  `with recursive below (id, depth) as (
     select $1::text collate "C", 0
     union all
     select n.id, b.depth + 1 from below b cross join lateral (
       select id from drive.nodes where parent_id = b.id offset 0) n)
   select id from below where depth > 0 order by depth desc limit $2`,
);
const expired = statement<NodeRow>(
  "drive.nodes-expired",
  `select ${nodeColumns} from drive.nodes n
    where n.trashed_at < $1 and n.id <> all($2::text[]) order by n.trashed_at limit $3`,
);
/** Whoever makes or changes a node holds it, or the folder that it is made in. */
const hold = statement<{ readonly id: string }>(
  "drive.nodes-hold",
  "select id from drive.nodes where id = any($1::text[]) order by id for update",
);
const redact = redactIn("drive");
/** Each sees what was kept before the nodes were held. */
const purges = [
  ["manifests", "delete from drive.manifests where node_id = any($1::text[])"],
  ["revisions", "delete from drive.revisions where node_id = any($1::text[])"],
  ["links", eraseLinks("select unnest($1::text[])")],
  ["locks", "delete from drive.locks where node_id = any($1::text[])"],
  ["properties", "delete from drive.properties where node_id = any($1::text[])"],
  ["past", "delete from drive.past_places where node_id = any($1::text[])"],
  ["nodes", "delete from drive.nodes where id = any($1::text[])"],
].map(([name = "", text = ""]) => mutation(`drive.purge-${name}`, inTurn, text));

const isTrashed = (node: Node): node is Trashed => node.status === "trashed";

/** Deletes nodes for good. */
export function purgesOn({
  read,
  write,
  append,
}: Transaction): Pick<Nodes, "purgeBelow" | "purge" | "expired"> {
  const purge = (ids: readonly string[]) => {
    for (const one of purges) write(one, [ids]);
    write(redact, [ids, JSON.stringify({ name: erasedName })]);
  };
  return {
    async purgeBelow(folderId, limit) {
      const found = await read(below, [folderId, limit]);
      await read(hold, [[folderId, ...found.map(({ id }) => id)]]);
      // What was being made has been made by now, and nothing else is: the folder is in the trash.
      const ids = (await read(below, [folderId, limit])).map(({ id }) => id);
      purge(ids);
      return ids.length;
    },
    purge({ state, events }) {
      append(state.id, state.version, events);
      purge([state.id]);
    },
    expired: async (before, besides, limit) =>
      (await read(expired, [before, besides, limit])).map(toNode).filter(isTrashed),
  };
}
