import type { Instant } from "#kernel/instant.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import type { Kept } from "../application/ports/chunks.ts";
import type { Thumbnail } from "../application/ports/thumbnails.ts";
import type { Revision } from "../application/ports/revisions.ts";
import type { Fingerprint, Manifest } from "../domain/content.ts";
import type { Invitation } from "../domain/invitation.ts";
import type { Link } from "../domain/link.ts";
import type { Lock } from "../domain/lock.ts";
import type { NodeId, OwnerId } from "../domain/ids.ts";
import { nameKey, type NodeName } from "../domain/node-name.ts";
import type { Node, Placed, Trashed } from "../domain/node.ts";
import type { Property } from "../domain/property.ts";
import type { Space } from "../domain/space.ts";
import type { StagedPiece, Staging } from "../domain/staging.ts";
import type { Upload, WantedChunk } from "../domain/upload.ts";

export type KeptUpload = Upload & {
  readonly manifest: Manifest;
  readonly chunks: readonly WantedChunk[];
};

export type KeptStaging = Omit<Staging, "bytes" | "pieces"> & {
  readonly kept: readonly StagedPiece[];
};

/** Where a node was, until an instant. */
export type PastPlace = {
  readonly nodeId: string;
  readonly version: number;
  readonly parentId: NodeId;
  readonly name: NodeName;
  readonly isTrashed: boolean;
  readonly until: Instant;
};

export type QuotaClaim = { readonly ownerId: OwnerId; readonly quotaBytes: number };

/** From when on the past is whole. */
export type KeptPast = { readonly from: Instant };

/** What clients keep with one node. */
export type KeptProperties = { readonly nodeId: NodeId; readonly properties: readonly Property[] };

export type KeptLink = Link & { readonly uses: readonly string[] };

type KeepingTables = {
  readonly spaces: MemoryTable<Space>;
  readonly nodes: MemoryTable<Node>;
  readonly revisions: MemoryTable<Revision>;
};

/** Rows that a node has, as long as it is there. */
const onNodes = <Row extends { readonly nodeId: NodeId }>(nodes: MemoryTable<Node>) =>
  new MemoryTable<Row>(
    () => undefined,
    () => {},
    ({ nodeId }) => nodes.rows.has(nodeId),
  );

/** The tables of the drive in memory. */
export function memoryDriveTables() {
  const spaces: MemoryTable<Space> = new MemoryTable<Space>(
    () => undefined,
    () => {},
    ({ id, version }) => version === 1 || spaces.rows.has(id),
  );
  const isInTrash = (id: string): boolean => {
    const node = nodes.rows.get(id);
    return node?.status === "trashed" || (node?.status === "placed" && isInTrash(node.parentId));
  };
  // One that was purged is not changed, and none is made in a folder that was purged or trashed.
  const isHeld = ({ id, parentId, version }: Placed | Trashed): boolean =>
    version > 1 ? nodes.rows.has(id) : nodes.rows.has(parentId) && !isInTrash(parentId);
  const nodes: MemoryTable<Node> = new MemoryTable<Node>(
    (node) => (node.status === "placed" ? `${node.parentId} ${nameKey(node.name)}` : undefined),
    () => {},
    // The root comes together with its space.
    (node) => node.status === "root" || (spaces.rows.has(node.spaceId) && isHeld(node)),
  );
  // A copy of one that was purged lacks its bytes.
  const revisions: MemoryTable<Revision> = new MemoryTable<Revision>(
    () => undefined,
    (after) => after === undefined && forgetThumbnails(),
    ({ size, manifest }) => size === manifest.reduce((sum, chunk) => sum + chunk.size, 0),
  );
  const chunks = new MemoryTable<Kept>();
  const uploads = new MemoryTable<KeptUpload>();
  const stagings = new MemoryTable<KeptStaging>(({ ownerId, name }) =>
    name === undefined ? undefined : `${ownerId} ${name}`,
  );
  const links = onNodes<KeptLink>(nodes);
  const locks = onNodes<Lock>(nodes);
  const properties = onNodes<KeptProperties>(nodes);
  const invitations = new MemoryTable<Invitation>(
    ({ spaceId, email }) => `${spaceId} ${email}`,
    () => {},
    ({ spaceId }) => spaces.rows.has(spaceId),
  );
  const pastPlaces = new MemoryTable<PastPlace>();
  const keptPast = new MemoryTable<KeptPast>();
  const thumbnails = new MemoryTable<Thumbnail>();
  const kept = { spaces, nodes, revisions };
  /** Those of contents that spaces have no more. */
  function forgetThumbnails(): void {
    const owners = new Set([...spaces.rows.values()].map(({ ownerId }) => ownerId));
    const held = new Set([...owners].flatMap((owner) => [...contentsOf(kept, owner).keys()]));
    for (const key of thumbnails.rows.keys())
      if (!held.has(key.split(" ").slice(0, 2).join(" "))) thumbnails.change(key, () => undefined);
  }
  const quotaClaims = new MemoryTable<QuotaClaim>(
    () => undefined,
    () => {},
    ({ ownerId, quotaBytes }) =>
      [...contentsOf(kept, ownerId).values()].reduce((sum, { size }) => sum + size, 0) <=
      quotaBytes,
  );
  return {
    ...kept,
    invitations,
    pastPlaces,
    keptPast,
    chunks,
    uploads,
    stagings,
    links,
    locks,
    properties,
    thumbnails,
    quotaClaims,
  };
}
export type Tables = ReturnType<typeof memoryDriveTables>;

/** The different contents that the spaces of an owner have, and their sizes. */
export function contentsOf(
  { spaces, nodes, revisions }: KeepingTables,
  ownerId: OwnerId,
): ReadonlyMap<string, Fingerprint> {
  const contents = [...revisions.rows.values()].flatMap(({ nodeId, hash, size }) => {
    const space = spaces.rows.get(nodes.rows.get(nodeId)?.spaceId ?? "");
    return space?.ownerId === ownerId ? [[`${space.id} ${hash}`, { hash, size }] as const] : [];
  });
  return new Map(contents);
}

/** As Postgres compares in the collation C. */
export const byText = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
