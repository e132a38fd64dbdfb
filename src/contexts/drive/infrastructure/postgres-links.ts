import { idOf, saving } from "#kernel/repository.ts";
import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import { statement } from "#platform/postgres/database.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { inTurn, mutation } from "#platform/postgres/writes.ts";
import type { Links } from "../application/ports/links.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { LinkId, NodeId, OwnerId } from "../domain/ids.ts";
import type { DownloadLimit, Link, LinkPasswordHash } from "../domain/link.ts";

type Row = {
  readonly id: string;
  readonly node_id: string;
  readonly owner_id: string;
  readonly made_by: string;
  readonly password_hash: string | null;
  readonly expires_at: Instant | null;
  readonly max_downloads: number | null;
  readonly is_drop: boolean;
  readonly created_at: Instant;
  readonly version: number;
};
const columns =
  "id, node_id, owner_id, made_by, password_hash, expires_at, max_downloads, is_drop, created_at, version";

const byId = statement<Row>("drive.link-by-id", `select ${columns} from drive.links where id = $1`);
const ofNode = statement<Row>(
  "drive.links-of-node",
  `select ${columns} from drive.links where node_id = $1 order by id limit $2`,
);
/** One to a node that was purged meanwhile is refused. */
const insert = mutation(
  "drive.link-insert",
  "links",
  `insert into drive.links (${columns})
   select $1, $2, $3, $4, $5, $6::timestamptz, $7::int, $8::boolean, $9::timestamptz, $10::bigint where drive.hold_node($2)`,
);
const removeWhere = (condition: string) =>
  `with gone as (delete from drive.links where ${condition} returning id)
   delete from drive.link_downloads where link_id in (select id from gone)`;
const remove = mutation("drive.link-remove", inTurn, removeWhere("id = $1"));
const endOf = mutation(
  "drive.links-end-of-maker",
  inTurn,
  removeWhere(
    "made_by = $1 and (select n.space_id from drive.nodes n where n.id = links.node_id) = $2",
  ),
);
/** All links to some nodes. */
export const eraseLinks = (nodes: string): string => removeWhere(`node_id in (${nodes})`);
const downloads = statement<{ readonly n: number }>(
  "drive.link-downloads",
  "select count(*) as n from drive.link_downloads where link_id = $1",
);
const download = statement<{ readonly visit: string }>(
  "drive.link-download",
  "select visit from drive.link_downloads where link_id = $1 and visit = $2 and node_id = $3",
);
const count = mutation(
  "drive.link-count-download",
  "link_downloads",
  `with link as materialized (select id from drive.links where id = $1 for key share)
   insert into drive.link_downloads (link_id, visit, node_id) select $1, $2, $3 from link`,
);

/** A link that shows small pictures alone is kept as one of no downloads, as which an older release takes it, too. */
const previewed = 0;

const toLink = (row: Row): Link => ({
  id: row.id as LinkId,
  nodeId: row.node_id as NodeId,
  ownerId: row.owner_id as OwnerId,
  madeBy: row.made_by as OwnerId,
  createdAt: row.created_at,
  version: row.version as Version,
  allows: row.is_drop ? "drop" : row.max_downloads === previewed ? "preview" : "read",
  ...(row.password_hash === null ? {} : { passwordHash: row.password_hash as LinkPasswordHash }),
  ...(row.expires_at === null ? {} : { expiresAt: row.expires_at }),
  ...(row.max_downloads === null || row.max_downloads === previewed
    ? {}
    : { maxDownloads: row.max_downloads as DownloadLimit }),
});

export const postgresLinks = ({ read, write, append }: Transaction): Links => ({
  async byId(id) {
    const [row] = await read(byId, [id]);
    return row && toLink(row);
  },
  ofNode: async (nodeId, limit) => (await read(ofNode, [nodeId, limit])).map(toLink),
  save: saving<Link, DriveEvent>(append, idOf, (link) =>
    write(insert, [
      link.id,
      link.nodeId,
      link.ownerId,
      link.madeBy,
      link.passwordHash ?? null,
      link.expiresAt ?? null,
      link.allows === "preview" ? previewed : (link.maxDownloads ?? null),
      link.allows === "drop",
      link.createdAt,
      link.version,
    ]),
  ),
  revoke({ state, events }) {
    append(state.id, state.version, events);
    write(remove, [state.id]);
  },
  endOf: (madeBy, spaceId) => write(endOf, [madeBy, spaceId]),
  downloads: async (id) => (await read(downloads, [id]))[0]?.n ?? 0,
  hasDownloaded: async (id, visit, nodeId) =>
    (await read(download, [id, visit, nodeId])).length > 0,
  countDownload: (id, visit, nodeId) => write(count, [id, visit, nodeId]),
});
