import { idOf, saving } from "#kernel/repository.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import { nodeColumns, toNode, valuesOfContent, type NodeRow } from "./node-rows.ts";
import { searchOn } from "./postgres-search.ts";
import { purgesOn } from "./postgres-purges.ts";
import { keepPlace, manyNodes } from "./postgres-many-nodes.ts";
import type { Nodes, Owned } from "../application/ports/nodes.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { OwnerId } from "../domain/ids.ts";
import { nameKey } from "../domain/node-name.ts";
import type { MemberRole } from "../domain/member-role.ts";
import type { Above, Node, Placed, Trashed } from "../domain/node.ts";

type LocatedRow = NodeRow & {
  readonly owner_id: string;
  readonly role: MemberRole | null;
  readonly above: Above;
};

/** A node with the folders above it, which are looked up one by one, from below. */
const locate = statement<LocatedRow>(
  "drive.node-located",
  `with recursive above (id, parent_id, trashed_at, step) as (
     select p.id, p.parent_id, p.trashed_at, 1
       from drive.nodes n join drive.nodes p on p.id = n.parent_id where n.id = $1
     union all
     select p.id, p.parent_id, p.trashed_at, a.step + 1 from above a join drive.nodes p on p.id = a.parent_id)
   select ${nodeColumns}, s.owner_id, s.members -> $2 ->> 'role' as role,
          coalesce((select jsonb_agg(jsonb_build_object('id', a.id, 'isTrashed', a.trashed_at is not null) order by a.step)
                      from above a), '[]') as above
     from drive.nodes n join drive.spaces s on s.id = n.space_id where n.id = $1`,
);
const seen = statement<NodeRow & { readonly in_trash: boolean }>(
  "drive.nodes-seen",
  `select ${nodeColumns}, drive.in_trash(n.id) as in_trash from drive.nodes n where n.id = any($1::text[])`,
);
const child = statement<NodeRow>(
  "drive.node-child",
  `select ${nodeColumns} from drive.nodes n
    where n.parent_id = $1 and n.name_key = $2 and n.trashed_at is null`,
);
const down = statement<NodeRow>(
  "drive.nodes-down",
  `with recursive way (id, step) as (
     select $1::text collate "C", 0
     union all
     select n.id, w.step + 1 from way w cross join lateral (
       select id from drive.nodes
        where parent_id = w.id and name_key = ($2::text[])[w.step + 1] and trashed_at is null offset 0) n)
   select ${nodeColumns} from way w join drive.nodes n on n.id = w.id where w.step > 0 order by w.step`,
);
const children = statement<NodeRow>(
  "drive.node-children",
  `select ${nodeColumns} from drive.nodes n
    where n.parent_id = $1 and n.name_key > $2 and n.trashed_at is null
    order by n.name_key limit $3`,
);
const withContent = statement<NodeRow>(
  "drive.node-with-content",
  `select ${nodeColumns} from drive.nodes n
    where n.space_id = $1 and n.hash = $2 and n.size = $3::bigint and n.kind = 'file' and n.trashed_at is null limit 1`,
);
/** Folders are looked up by those above them; a join could read all nodes for each. */
const height = statement<{ readonly height: number }>(
  "drive.folder-height",
  `with recursive below (id, height) as (
     select $1::text collate "C", 1
     union all
     select n.id, b.height + 1 from below b cross join lateral (
       select id from drive.nodes where parent_id = b.id and kind = 'folder' offset 0) n
      where b.height < $2)
   select max(height) as height from below`,
);
const trashed = statement<NodeRow>(
  "drive.nodes-trashed",
  `select ${nodeColumns} from drive.nodes n
    where n.space_id = $1 and n.trashed_at is not null and (n.trashed_at, n.id) < ($2::timestamptz, $3)
    order by n.trashed_at desc, n.id desc limit $4`,
);
/** A node in a folder that is being purged, or of a space whose owner is being erased, is refused. The root comes together with its space. */
const insert = mutation(
  "drive.node-insert",
  "nodes",
  `insert into drive.nodes (id, space_id, parent_id, name, name_key, kind, revision, size, hash, media_type, modified_at, created_at, changed_at,
                            version)
   select $1, $2, $3, $4, $5, $6, $7::bigint, $8::bigint, $9, $10, $11::timestamptz, $12::timestamptz, $13::timestamptz, $14::bigint
    where $3::text is null or drive.hold_place($2, $3)`,
);
/**
 * Asks whether the node is there before it looks for it: one that was purged meanwhile is refused, not passed over. It holds the node
 * before events are written, as a restoration does: in the other order, both would wait for each other.
 */
const update = mutation(
  "drive.node-update",
  inTurn,
  `update drive.nodes set parent_id = $2, name = $3, name_key = $4, revision = $5, size = $6, hash = $7, media_type = $8,
          modified_at = $9, changed_at = $10, trashed_at = $11, version = $12
    where id = $1 and (select drive.hold_changed($1))`,
);

/** Whether a node may be elsewhere than before: not where only its content was changed. */
const isMoved = (events: readonly DriveEvent[]): boolean =>
  events.some(({ type }) => type !== "drive.file-revised");
const isPlaced = (node: Node): node is Placed => node.status === "placed";
const isTrashed = (node: Node): node is Trashed => node.status === "trashed";

const toOwned = ({ owner_id, role, above, ...row }: LocatedRow): Owned => ({
  node: toNode(row),
  ownerId: owner_id as OwnerId,
  role: role ?? undefined,
  above,
});

/** Before the first and after the last of all. */
const [first, last, end] = ["", "infinity", "~"];

export const postgresNodes = ({ read, write, append }: Transaction): Nodes => ({
  ...purgesOn({ read, write, append }),
  save: saving<Node, DriveEvent>(append, idOf, (node, { state, events }) => {
    const { content } = node.kind === "file" ? node : { content: undefined };
    const held = valuesOfContent.map((value) => (content ? value(content) : null));
    const kept = [content?.revision ?? null, ...held];
    const parentId = node.status === "root" ? null : node.parentId;
    const name = [parentId, node.name, nameKey(node.name)];
    if (state.version === 0)
      write(insert, [
        node.id,
        node.spaceId,
        ...name,
        node.kind,
        ...kept,
        node.createdAt,
        node.changedAt,
        node.version,
      ]);
    else {
      const trashedAt = node.status === "trashed" ? node.trashedAt : null;
      if (parentId !== null && isMoved(events))
        write(keepPlace, [node.id, parentId, node.name, trashedAt, node.changedAt]);
      write(update, [node.id, ...name, ...kept, node.changedAt, trashedAt, node.version]);
    }
  }),
  async locate(id, userId) {
    const [row] = await read(locate, [id, userId]);
    return row && toOwned(row);
  },
  seen: async (ids) =>
    (await read(seen, [ids])).map(({ in_trash: inTrash, ...row }) => ({
      node: toNode(row),
      inTrash,
    })),
  ...manyNodes({ read, write, append }),
  ...searchOn({ read, write, append }),
  child: async (folderId, key) => (await read(child, [folderId, key])).map(toNode).find(isPlaced),
  down: async (folderId, keys) => (await read(down, [folderId, keys])).map(toNode).filter(isPlaced),
  children: async ({ folderId, after = first, limit }) =>
    (await read(children, [folderId, after, limit])).map(toNode).filter(isPlaced),
  async withContent(spaceId, { hash, size }) {
    const found = (await read(withContent, [spaceId, hash, size])).map(toNode).find(isPlaced);
    return found?.kind === "file" ? found : undefined;
  },
  async height(folderId, most) {
    const [row] = await read(height, [folderId, most]);
    return row?.height ?? 0;
  },
  trashed: async ({ spaceId, before, limit }) =>
    (await read(trashed, [spaceId, before?.trashedAt ?? last, before?.id ?? end, limit]))
      .map(toNode)
      .filter(isTrashed),
});
