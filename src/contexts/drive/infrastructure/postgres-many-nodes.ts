import { saved, type Change } from "#kernel/change.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation, type Mutation } from "#platform/postgres/writes.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import type { DriveEvent } from "../domain/events.ts";
import { nameKey } from "../domain/node-name.ts";
import type { Placed, Trashed } from "../domain/node.ts";
import { nodeColumns, toNode, valuesOfContent, type NodeRow } from "./node-rows.ts";

const hold = mutation("drive.nodes-hold-place", inTurn, "select drive.hold_place($1, $2)");
const keepPlaces = mutation(
  "drive.past-places-keep",
  inTurn,
  `insert into drive.past_places (node_id, version, parent_id, name, name_key, trashed_at, until)
   select id, version, parent_id, name, name_key, trashed_at, $2::timestamptz from drive.nodes where id = any($1::text[])`,
);
/** Names are exchanged by way of some that no node can have. */
const setAside = mutation(
  "drive.nodes-set-aside",
  inTurn,
  "update drive.nodes set name_key = '/' || id where id = any($1::text[])",
);
/** In the order of the columns below. */
const rows = `unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bigint[], $8::bigint[], $9::text[],
  $10::text[], $11::timestamptz[], $12::timestamptz[], $13::timestamptz[], $14::timestamptz[], $15::bigint[])
  as r (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at, changed_at, trashed_at, version)`;
const changeAll = mutation(
  "drive.nodes-change",
  inTurn,
  `update drive.nodes n set parent_id = r.parent_id, name = r.name, name_key = r.name_key, revision = r.revision,
          size = r.size, hash = r.hash, media_type = r.media_type, modified_at = r.modified_at, changed_at = r.changed_at, trashed_at = r.trashed_at, version = r.version
     from ${rows} where n.id = r.id collate "C"`,
);
const insertAll = mutation(
  "drive.nodes-insert",
  inTurn,
  `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at, changed_at,
                            trashed_at, version)
   select * from ${rows}`,
);
/** Keeps where a node was, before it is somewhere else. */
export const keepPlace = mutation(
  "drive.past-place-keep",
  "past_places",
  `insert into drive.past_places (node_id, version, parent_id, name, name_key, trashed_at, until)
   select id, version, parent_id, name, name_key, trashed_at, $5::timestamptz from drive.nodes
    where id = $1 and (parent_id, name, trashed_at) is distinct from ($2, $3, $4::timestamptz)`,
);

const columnsOf: readonly ((node: Placed | Trashed) => string | number | null)[] = [
  ({ id }) => id,
  ({ spaceId }) => spaceId,
  ({ parentId }) => parentId,
  ({ name }) => name,
  ({ name }) => nameKey(name),
  ({ kind }) => kind,
  (node) => (node.kind === "file" ? node.content.revision : null),
  ...valuesOfContent.map(
    (value) => (node: Placed | Trashed) => (node.kind === "file" ? value(node.content) : null),
  ),
  ({ createdAt }) => createdAt,
  ({ changedAt }) => changedAt,
  (node) => (node.status === "trashed" ? node.trashedAt : null),
  ({ version }) => version,
];

type Saved = Change<Placed | Trashed, DriveEvent>;
const idsOf = (changes: readonly Saved[], is: (type: DriveEvent["type"]) => boolean) =>
  changes.flatMap(({ state: { id }, events }) => (events.some(({ type }) => is(type)) ? [id] : []));
/** Not where only the content was changed. */
const isElsewhere = (type: string) => type !== "drive.file-revised";
/** What leaves a place that another node may get at the same time. */
const isLeaving = (type: string) => type === "drive.node-moved" || type === "drive.node-trashed";

const named = statement<NodeRow>(
  "drive.nodes-named",
  `select ${nodeColumns} from unnest($1::text[], $2::text[]) s (parent_id, name_key)
    cross join lateral (select * from drive.nodes
                         where parent_id = s.parent_id and name_key = s.name_key and trashed_at is null offset 0) n`,
);
const savingAll =
  ({ write, append }: Transaction): Nodes["saveAll"] =>
  (folder, { changed, created, at }) => {
    const all = [...changed, ...created];
    for (const { state, events } of all) append(state.id, state.version, events);
    const [moved, leaving] = [idsOf(changed, isElsewhere), idsOf(changed, isLeaving)];
    const put = (statement: Mutation, changes: readonly Saved[]) => {
      const nodes = changes.map((change) => saved(change));
      if (nodes.length > 0)
        write(
          statement,
          columnsOf.map((column) => nodes.map(column)),
        );
    };
    write(hold, [folder.spaceId, folder.id]);
    if (moved.length > 0) write(keepPlaces, [moved, at]);
    if (leaving.length > 0) write(setAside, [leaving]);
    put(changeAll, changed);
    put(insertAll, created);
  };

/** Finds and saves many nodes, in few statements. */
export const manyNodes = (transaction: Transaction): Pick<Nodes, "named" | "saveAll"> => ({
  async named(spots) {
    const keys = spots.map(({ name }) => nameKey(name));
    const rows = await transaction.read(named, [spots.map(({ parentId }) => parentId), keys]);
    return rows.map((row) => toNode(row) as Placed);
  },
  saveAll: savingAll(transaction),
});
