import type { Instant } from "#kernel/instant.ts";
import type { Version } from "#kernel/version.ts";
import type { ByteCount, RevisionNumber, Sha256 } from "../domain/content.ts";
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
  readonly created_at: Instant;
  readonly changed_at: Instant;
  readonly trashed_at: Instant | null;
  readonly version: number;
};
export const nodeColumns = `n.id, n.space_id, n.parent_id, n.name, n.kind, n.revision, n.size, n.hash, n.created_at, n.changed_at,
  n.trashed_at, n.version`;

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

function kindOf({ kind, revision, size, hash }: NodeRow) {
  if (kind === "folder") return { kind };
  const content = {
    revision: revision as RevisionNumber,
    size: size as ByteCount,
    hash: hash as Sha256,
  };
  return { kind, content };
}
