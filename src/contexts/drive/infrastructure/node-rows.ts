import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import {
  MediaType,
  type ByteCount,
  type NewContent,
  type RevisionNumber,
  type Sha256,
} from "../domain/content.ts";
import type { NodeId, SpaceId } from "../domain/ids.ts";
import type { NodeName } from "../domain/node-name.ts";
import type { Node } from "../domain/node.ts";

export type NodeRow = {
  readonly id: string;
  readonly space_id: string;
  readonly parent_id: string | null;
  readonly name: string;
  readonly kind: Node["kind"];
  readonly revision: number | null;
  readonly size: number | null;
  readonly hash: string | null;
  readonly media_type: string;
  readonly modified_at: Instant;
  readonly created_at: Instant;
  readonly changed_at: Instant;
  readonly trashed_at: Instant | null;
  readonly version: number;
};
/** Older contents have neither. `came`: when they came, as far as is known. */
export const toldOfContent = (row: string, came: string): string =>
  `coalesce(${row}.media_type, '${MediaType.unknown}') as media_type, coalesce(${row}.modified_at, ${row}.${came}) as modified_at`;
export const nodeColumns = `n.id, n.space_id, n.parent_id, n.name, n.kind, n.revision, n.size, n.hash, ${toldOfContent("n", "changed_at")},
  n.created_at, n.changed_at, n.trashed_at, n.version`;

export function toNode(row: NodeRow): Node {
  const { parent_id: parentId, trashed_at: trashedAt } = row;
  const facts = {
    id: row.id as NodeId,
    spaceId: row.space_id as SpaceId,
    name: row.name as NodeName,
    createdAt: row.created_at,
    changedAt: row.changed_at,
    version: row.version as Version,
  };
  if (parentId === null) return { ...facts, kind: "folder", status: "root" };
  const kind = kindOf(row);
  const placed = { ...facts, ...kind, parentId: parentId as NodeId };
  return trashedAt === null
    ? { ...placed, status: "placed" }
    : { ...placed, status: "trashed", trashedAt };
}

function kindOf({ kind, revision, ...row }: NodeRow) {
  if (kind === "folder") return { kind };
  return { kind, content: { ...toContent(row), revision: revision as RevisionNumber } };
}

/** The content that a row has; a file has all of it. */
export const toContent = (
  row: Pick<NodeRow, "size" | "hash" | "media_type" | "modified_at">,
): NewContent => ({
  size: row.size as ByteCount,
  hash: row.hash as Sha256,
  mediaType: row.media_type as MediaType,
  modifiedAt: row.modified_at,
});

/** In the order of the columns. */
export const valuesOfContent: readonly ((content: NewContent) => string | number)[] = [
  ({ size }) => size,
  ({ hash }) => hash,
  ({ mediaType }) => mediaType,
  ({ modifiedAt }) => modifiedAt,
];
