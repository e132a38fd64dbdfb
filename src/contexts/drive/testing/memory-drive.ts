import { isDeepStrictEqual } from "node:util";
import { idOf, saving } from "#kernel/repository.ts";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import { MemoryTable } from "#platform/memory/memory-table.ts";
import { beginning, type NodeChange } from "../application/ports/changes.ts";
import type { Kept, Location } from "../application/ports/chunks.ts";
import type { Nodes } from "../application/ports/nodes.ts";
import type { Revision, RevisionFacts } from "../application/ports/revisions.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { DriveEvent } from "../domain/events.ts";
import type { NodeId, UploadId } from "../domain/ids.ts";
import { pagesOf, type Manifest, type Sha256 } from "../domain/content.ts";
import { erasedName, nameKey } from "../domain/node-name.ts";
import type { Node, Placed, Trashed } from "../domain/node.ts";
import type { Link } from "../domain/link.ts";
import type { Space } from "../domain/space.ts";
import type { Upload, WantedChunk } from "../domain/upload.ts";

type KeptUpload = Upload & {
  readonly manifest: Manifest;
  readonly chunks: readonly WantedChunk[];
};

type KeptLink = Link & { readonly uses: readonly string[] };

/** The tables of the drive in memory. */
export function memoryDriveTables() {
  const spaces = new MemoryTable<Space>();
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
  const revisions = new MemoryTable<Revision>(
    () => undefined,
    () => {},
    ({ size, manifest }) => size === manifest.reduce((sum, chunk) => sum + chunk.size, 0),
  );
  const chunks = new MemoryTable<Kept>();
  const uploads = new MemoryTable<KeptUpload>();
  const links: MemoryTable<KeptLink> = new MemoryTable<KeptLink>(
    () => undefined,
    () => {},
    (link) => nodes.rows.has(link.nodeId),
  );
  return { spaces, nodes, revisions, chunks, uploads, links };
}
type Tables = ReturnType<typeof memoryDriveTables>;

/** As Postgres compares in the collation C. */
const byText = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));
const isPlaced = (node: Node): node is Placed => node.status === "placed";
const isTrashed = (node: Node): node is Trashed => node.status === "trashed";
const parentOf = (node: Node) => (node.status === "root" ? undefined : node.parentId);

function purgesIn(
  { nodes, revisions, links }: Tables,
  { change, append, redact }: MemoryTransaction,
): Pick<Nodes, "purgeBelow" | "purge" | "expired"> {
  const all = () => [...nodes.rows.values()];
  const purge = (ids: readonly NodeId[]) => {
    const gone = new Set<string>(ids);
    for (const [key, { nodeId }] of revisions.rows)
      if (gone.has(nodeId)) change<Revision>(revisions, key, () => undefined);
    for (const [key, { nodeId }] of links.rows)
      if (gone.has(nodeId)) change<KeptLink>(links, key, () => undefined);
    for (const id of ids) change<Node>(nodes, id, () => undefined);
    redact(ids, { name: erasedName });
  };
  const below = (id: NodeId): readonly Node[] =>
    all()
      .filter((one) => parentOf(one) === id)
      .flatMap((one) => [...below(one.id), one]);
  return {
    async purgeBelow(folderId, limit) {
      const some = below(folderId).slice(0, limit);
      purge(some.map(({ id }) => id));
      return some.length;
    },
    purge({ state, events }) {
      append(state.id, state.version, events);
      purge([state.id]);
    },
    expired: async (before, besides, limit) =>
      all()
        .filter(isTrashed)
        .filter(({ id, trashedAt }) => trashedAt < before && !besides.includes(id))
        .slice(0, limit),
  };
}

/** Looks for nodes that are not in the trash by themselves. */
function placedIn({ nodes }: Tables): Pick<Nodes, "child" | "down" | "children" | "withContent"> {
  const all = () => [...nodes.rows.values()].filter(isPlaced);
  return {
    child: async (folderId, key) =>
      all().find((node) => node.parentId === folderId && nameKey(node.name) === key),
    async down(folderId, keys) {
      const way: Placed[] = [];
      for (const key of keys) {
        const next = all().find(
          (one) => one.parentId === (way.at(-1)?.id ?? folderId) && nameKey(one.name) === key,
        );
        if (!next) break;
        way.push(next);
      }
      return way;
    },
    children: async ({ folderId, after = "", limit }) =>
      all()
        .filter((node) => node.parentId === folderId && byText(nameKey(node.name), after) > 0)
        .toSorted((a, b) => byText(nameKey(a.name), nameKey(b.name)))
        .slice(0, limit),
    withContent: async (spaceId, { hash, size }) =>
      all()
        .filter((node) => node.kind === "file")
        .find(
          ({ spaceId: at, content }) =>
            at === spaceId && content.hash === hash && content.size === size,
        ),
  };
}

function nodesIn(tables: Tables, transaction: MemoryTransaction): Nodes {
  const { nodes, spaces } = tables;
  const { put, append } = transaction;
  const all = () => [...nodes.rows.values()];
  function aboveOf(node: Node): readonly Node[] {
    const parentId = parentOf(node);
    const parent = parentId === undefined ? undefined : nodes.rows.get(parentId);
    return parent ? [parent, ...aboveOf(parent)] : [];
  }
  const foldersIn = (id: NodeId) =>
    all().filter((node) => node.kind === "folder" && parentOf(node) === id);
  const heightOf = (id: NodeId, most: number): number =>
    most <= 1 ? 1 : 1 + Math.max(0, ...foldersIn(id).map((one) => heightOf(one.id, most - 1)));
  return {
    save: saving<Node, DriveEvent>(append, idOf, (node) => put<Node>(nodes, node.id, node)),
    async locate(id) {
      const node = nodes.rows.get(id);
      const space = node && spaces.rows.get(node.spaceId);
      if (!space) return undefined;
      const above = aboveOf(node).map((one) => ({ id: one.id, isTrashed: isTrashed(one) }));
      return { node, above, ownerId: space.ownerId };
    },
    seen: async (ids) =>
      ids.flatMap((id) => {
        const node = nodes.rows.get(id);
        return node ? [{ node, inTrash: [node, ...aboveOf(node)].some(isTrashed) }] : [];
      }),
    ...placedIn(tables),
    height: async (id, most) => heightOf(id, most),
    ...purgesIn(tables, transaction),
    trashed: async ({ spaceId, before, limit }) => {
      const place = (one: { readonly trashedAt: string; readonly id: string }) =>
        `${one.trashedAt} ${one.id}`;
      return all()
        .filter(isTrashed)
        .filter((one) => one.spaceId === spaceId && (!before || place(one) < place(before)))
        .toSorted((a, b) => byText(place(b), place(a)))
        .slice(0, limit);
    },
  };
}

function factsOf(revision: Revision | undefined): RevisionFacts | undefined {
  if (!revision) return undefined;
  const { manifest: _manifest, ...facts } = revision;
  return facts;
}

const revisionsIn = (
  { revisions, chunks }: Tables,
  { change }: MemoryTransaction,
): DriveScope["revisions"] => ({
  add: (revision) =>
    change<Revision>(revisions, `${revision.nodeId} ${revision.revision}`, () => revision),
  copy(facts, from) {
    const manifest = () => revisions.rows.get(`${from.nodeId} ${from.revision}`)?.manifest ?? [];
    change<Revision>(revisions, `${facts.nodeId} ${facts.revision}`, () => ({
      ...facts,
      manifest: manifest(),
    }));
    for (const { hash } of manifest())
      change<Kept>(chunks, hash, (found) => found && { ...found, usedAt: facts.createdAt });
  },
  async pages(after, limit) {
    const place = (one: { readonly nodeId: string; readonly revision: number }) =>
      `${one.nodeId} ${String(one.revision).padStart(16, "0")}`;
    return [...revisions.rows.values()]
      .filter((one) => !after || place(one) > place(after))
      .toSorted((a, b) => byText(place(a), place(b)))
      .slice(0, limit)
      .map(({ nodeId, revision, manifest }) => ({
        nodeId,
        revision,
        startsAt: 0,
        hashes: manifest.map(({ hash }) => hash),
      }));
  },
  byNumber: async (nodeId, revision) => factsOf(revisions.rows.get(`${nodeId} ${revision}`)),
  list: async ({ nodeId, before = Infinity, limit }) =>
    [...revisions.rows.values()]
      .filter((one) => one.nodeId === nodeId && one.revision < before)
      .toSorted((a, b) => b.revision - a.revision)
      .slice(0, limit)
      .flatMap((one) => factsOf(one) ?? []),
  page: async ({ nodeId, revision, at }) =>
    pagesOf(revisions.rows.get(`${nodeId} ${revision}`)?.manifest ?? []).findLast(
      ({ startsAt }) => startsAt <= at,
    ),
});

function chunksIn({ chunks }: Tables, { change }: MemoryTransaction): DriveScope["chunks"] {
  const all = () =>
    [...chunks.rows]
      .map(([hash, kept]) => ({ ...kept, hash: hash as Sha256 }))
      .toSorted((a, b) => byText(a.hash, b.hash));
  const isAt = (kept: Kept | undefined, { segment, offset }: Location) =>
    kept?.segment === segment && kept.offset === offset;
  const judge = (hash: Sha256, location: Location, isDoubted: boolean) =>
    change<Kept>(chunks, hash, (found) =>
      found && isAt(found, location) ? { ...found, isDoubted } : found,
    );
  return {
    located: async (hashes) =>
      new Map(
        hashes.flatMap((hash) => {
          const location = chunks.rows.get(hash);
          return location ? [[hash, location] as const] : [];
        }),
      ),
    add(locations, at) {
      for (const [hash, location] of locations)
        change<Kept>(chunks, hash, (before) => {
          const place = before?.isDoubted === false ? before : location;
          const usedAt = before && before.usedAt > at ? before.usedAt : at;
          return { ...place, isDoubted: false, usedAt };
        });
    },
    use(hashes, at) {
      for (const hash of hashes)
        change<Kept>(chunks, hash, (found) => found && { ...found, usedAt: at });
    },
    doubt: (hash, location) => judge(hash, location, true),
    trust: (hash, location) => judge(hash, location, false),
    count: async () => chunks.rows.size,
    page: async (after = "" as Sha256, limit) =>
      all()
        .filter(({ hash }) => hash > after)
        .slice(0, limit),
    inSegment: async (segment, limit) =>
      all()
        .filter((one) => one.segment === segment && !one.isDoubted)
        .slice(0, limit),
    bytesIn: async (segment) =>
      all()
        .filter((one) => one.segment === segment)
        .reduce((sum, { size }) => sum + size, 0),
    move: (hash, from, to) =>
      change<Kept>(chunks, hash, (found) =>
        found && isAt(found, from) ? { ...found, ...to } : found,
      ),
    forget(hashes, unusedSince) {
      for (const hash of hashes)
        change<Kept>(chunks, hash, (found) =>
          found && found.usedAt < unusedSince ? undefined : found,
        );
    },
  };
}

function uploadsIn({ uploads }: Tables, { change }: MemoryTransaction): DriveScope["uploads"] {
  const all = () => [...uploads.rows.values()].toSorted((a, b) => byText(a.id, b.id));
  const wantedOf = (id: UploadId) =>
    (uploads.rows.get(id)?.chunks ?? []).toSorted((a, b) => a.position - b.position);
  const changeOne = (id: UploadId, to: (found: KeptUpload) => Partial<KeptUpload>) =>
    change<KeptUpload>(uploads, id, (found) => found && { ...found, ...to(found) });
  return {
    byId: async (id) => uploads.rows.get(id),
    countOpen: async (ownerId, now) =>
      all().filter(
        (one) => one.ownerId === ownerId && one.expiresAt > now && one.nodeId === undefined,
      ).length,
    same: async ({ ownerId, target, hash, createdAt }, manifest) =>
      all().find(
        (one) =>
          one.ownerId === ownerId &&
          one.nodeId === undefined &&
          one.expiresAt > createdAt &&
          isDeepStrictEqual([one.hash, one.target, one.manifest], [hash, target, manifest]),
      ),
    add: (upload, manifest, chunks) =>
      change<KeptUpload>(uploads, upload.id, () => ({ ...upload, manifest, chunks })),
    manifest: async (id) => uploads.rows.get(id)?.manifest ?? [],
    wanted: async (id, positions) =>
      wantedOf(id).filter(({ position }) => positions.includes(position)),
    missing: async (id, limit) =>
      wantedOf(id)
        .filter(({ hasCome }) => !hasCome)
        .slice(0, limit),
    come: (id, positions) =>
      changeOne(id, ({ chunks }) => ({
        chunks: chunks.map((one) =>
          positions.includes(one.position) ? { ...one, hasCome: true } : one,
        ),
      })),
    want: (id, wanted) =>
      changeOne(id, ({ chunks }) => {
        const asked = new Set(wanted.map(({ position }) => position));
        return { chunks: [...chunks.filter(({ position }) => !asked.has(position)), ...wanted] };
      }),
    commit: (id, nodeId) => changeOne(id, () => ({ nodeId, manifest: [], chunks: [] })),
    remove: (id) => change<KeptUpload>(uploads, id, () => undefined),
    expire(now) {
      for (const { id, expiresAt } of all())
        if (expiresAt <= now) change<KeptUpload>(uploads, id, () => undefined);
    },
    async next(after = "" as UploadId) {
      const found = all().find(({ id }) => byText(id, after) > 0);
      return found && { id: found.id, hashes: found.manifest.map(({ hash }) => hash) };
    },
  };
}

function linksIn({ links }: Tables, { change, append }: MemoryTransaction): DriveScope["links"] {
  const useOf = (visit: string, nodeId: NodeId) => `${visit} ${nodeId}`;
  const usesOf = (id: string) => links.rows.get(id)?.uses ?? [];
  return {
    byId: async (id) => links.rows.get(id),
    ofNode: async (nodeId, limit) =>
      [...links.rows.values()]
        .filter((link) => link.nodeId === nodeId)
        .toSorted((a, b) => byText(a.id, b.id))
        .slice(0, limit),
    save: saving<Link, DriveEvent>(append, idOf, (link) =>
      change<KeptLink>(links, link.id, () => ({ ...link, uses: [] })),
    ),
    revoke({ state, events }) {
      append(state.id, state.version, events);
      change<KeptLink>(links, state.id, () => undefined);
    },
    downloads: async (id) => usesOf(id).length,
    hasDownloaded: async (id, visit, nodeId) => usesOf(id).includes(useOf(visit, nodeId)),
    countDownload: (id, visit, nodeId) =>
      change<KeptLink>(
        links,
        id,
        (found) => found && { ...found, uses: [...found.uses, useOf(visit, nodeId)] },
      ),
  };
}

const changesIn = ({ log }: MemoryTransaction): DriveScope["changes"] => ({
  async look(before) {
    const isBeginning = before?.position === beginning.position;
    const { mark, isSame } = log().look(isBeginning ? undefined : before);
    return { last: mark, isKnown: isSame };
  },
  async between({ spaceId, after, until, limit }) {
    const found: NodeChange[] = [];
    for (let position = after + 1; position <= until && found.length < limit; position += 1) {
      const event = log().at(position);
      const payload = event?.payload as { readonly spaceId?: string; readonly nodeId?: NodeId };
      if (event && payload.spaceId === spaceId && payload.nodeId !== undefined)
        found.push({ position, id: event.id, nodeId: payload.nodeId });
    }
    return found;
  },
});

/** All repositories of the drive in memory, on one transaction. */
export const memoryDrive =
  (tables: Tables) =>
  (transaction: MemoryTransaction): DriveScope => {
    const { spaces, nodes, revisions } = tables;
    const { change, append, redact } = transaction;
    const ofOwner = (ownerId: string) =>
      [...spaces.rows.values()]
        .filter((space) => space.ownerId === ownerId)
        .toSorted((a, b) => byText(a.id, b.id));
    return {
      spaces: {
        byId: async (id) => spaces.rows.get(id),
        ofOwner: async (ownerId) => ofOwner(ownerId),
        save: saving<Space, DriveEvent>(append, idOf, (space) =>
          change<Space>(spaces, space.id, () => space),
        ),
      },
      nodes: nodesIn(tables, transaction),
      revisions: revisionsIn(tables, transaction),
      changes: changesIn(transaction),
      chunks: chunksIn(tables, transaction),
      uploads: uploadsIn(tables, transaction),
      links: linksIn(tables, transaction),
      personalData: {
        async erase(ownerId) {
          const gone = new Set<string>(ofOwner(ownerId).map(({ id }) => id));
          const lost = [...nodes.rows.values()].filter(({ spaceId }) => gone.has(spaceId));
          const ids = new Set<string>(lost.map(({ id }) => id));
          for (const [key, { nodeId }] of revisions.rows)
            if (ids.has(nodeId)) change<Revision>(revisions, key, () => undefined);
          for (const id of ids) change<Node>(nodes, id, () => undefined);
          for (const [id, { nodeId }] of tables.links.rows)
            if (ids.has(nodeId)) change<KeptLink>(tables.links, id, () => undefined);
          for (const [id, one] of tables.uploads.rows)
            if (one.ownerId === ownerId) change<KeptUpload>(tables.uploads, id, () => undefined);
          for (const id of gone) change<Space>(spaces, id, () => undefined);
          redact([...ids, ...gone], { name: erasedName });
        },
      },
    };
  };
