import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { Kept, Location } from "../application/ports/chunks.ts";
import type { Revision, RevisionFacts } from "../application/ports/revisions.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import { pagesOf, type Sha256 } from "../domain/content.ts";
import { byText, type Tables } from "./memory-tables.ts";

function factsOf(revision: Revision | undefined): RevisionFacts | undefined {
  if (!revision) return undefined;
  const { manifest: _manifest, ...facts } = revision;
  return facts;
}

/** Revisions in memory. */
export const revisionsIn = (
  { revisions, chunks }: Tables,
  { change }: MemoryTransaction,
): DriveScope["revisions"] => ({
  // All contents of the twin have been looked at.
  unsniffed: async () => [],
  tell() {},
  add(all) {
    for (const one of all) change<Revision>(revisions, `${one.nodeId} ${one.revision}`, () => one);
  },
  copy(copies) {
    for (const { to, from } of copies) {
      const manifest = () => revisions.rows.get(`${from.nodeId} ${from.revision}`)?.manifest ?? [];
      change<Revision>(revisions, `${to.nodeId} ${to.revision}`, () => ({
        ...to,
        manifest: manifest(),
      }));
      for (const { hash } of manifest())
        change<Kept>(chunks, hash, (found) => found && { ...found, usedAt: to.createdAt });
    }
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

/** The index of chunks in memory. */
export function chunksIn({ chunks }: Tables, { change }: MemoryTransaction): DriveScope["chunks"] {
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
    inSegments: async (segments, limit) =>
      all()
        .filter((one) => segments.includes(one.segment) && !one.isDoubted)
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
