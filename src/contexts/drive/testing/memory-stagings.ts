import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { PiecePlace, Stagings } from "../application/ports/stagings.ts";
import { sizeOf, type ByteCount } from "../domain/content.ts";
import type { Instant } from "#kernel/instant.ts";
import type { OwnerId, StagingId } from "../domain/ids.ts";
import type { Staging } from "../domain/staging.ts";
import { byText, type KeptStaging, type Tables } from "./memory-tables.ts";

const bytesOf = ({ kept }: KeptStaging) =>
  kept.reduce((sum, { manifest }) => sum + sizeOf(manifest), 0);
const inOrder = (a: PiecePlace, b: PiecePlace) => byText(a.id, b.id) || a.place - b.place;

/** Those of an owner that no file has, in the order in which they were begun. */
const openOf = (all: readonly KeptStaging[], owner: OwnerId, now: Instant) =>
  all
    .filter((one) => one.ownerId === owner && one.expiresAt > now && one.nodeId === undefined)
    .toSorted((a, b) => byText(a.id, b.id));

/** Stagings in memory. */
export function stagingsIn({ stagings }: Tables, { change }: MemoryTransaction): Stagings {
  const all = () => [...stagings.rows.values()];
  const piecesOf = (id: StagingId) =>
    (stagings.rows.get(id)?.kept ?? []).toSorted((a, b) => a.place - b.place);
  const changeOne = (id: StagingId, to: (found: KeptStaging) => Partial<KeptStaging>) =>
    change<KeptStaging>(stagings, id, (found) => found && { ...found, ...to(found) });
  const changeOpen: typeof changeOne = (id, to) =>
    changeOne(id, (found) => (found.isSealed ? {} : to(found)));
  const listOpen = (ownerId: OwnerId, now: Instant) => openOf(all(), ownerId, now);
  function seen(found: KeptStaging | undefined): Staging | undefined {
    if (!found) return undefined;
    const { kept, ...staging } = found;
    return { ...staging, bytes: bytesOf(found) as ByteCount, pieces: kept.length };
  }
  return {
    byId: async (id) => seen(stagings.rows.get(id)),
    byName: async (ownerId, name) =>
      seen(all().find((one) => one.ownerId === ownerId && one.name === name)),
    sizes: async (id) =>
      piecesOf(id).map(({ place, manifest }) => ({ place, size: sizeOf(manifest) })),
    async sizeAt(id, place) {
      const found = piecesOf(id).find((one) => one.place === place);
      return found && sizeOf(found.manifest);
    },
    listOpen: async (ownerId, now) => listOpen(ownerId, now).flatMap((one) => seen(one) ?? []),
    async openOf(ownerId, now) {
      const open = listOpen(ownerId, now);
      return { count: open.length, bytes: open.reduce((sum, one) => sum + bytesOf(one), 0) };
    },
    add: (staging) => change<KeptStaging>(stagings, staging.id, () => ({ ...staging, kept: [] })),
    put: (id, piece, hash) =>
      changeOpen(id, ({ kept }) => ({
        hash,
        kept: [...kept.filter(({ place }) => place !== piece.place), piece],
      })),
    tellLength: (id, length) => changeOpen(id, () => ({ length })),
    async content(id) {
      const pieces = piecesOf(id);
      return {
        manifest: pieces.flatMap(({ manifest }) => manifest),
        mediaType: pieces[0]?.mediaType,
      };
    },
    seal: (id, hash) => changeOne(id, () => ({ isSealed: true, hash })),
    join: (id, others) => {
      const kept = others.flatMap(piecesOf).map((piece, place) => ({ ...piece, place }));
      changeOne(id, () => ({ kept }));
    },
    settle: (id, file, length) =>
      changeOne(id, () => ({ isSealed: true, ...file, length, kept: [] })),
    remove: (id) => change<KeptStaging>(stagings, id, () => undefined),
    expire(now) {
      for (const { id, expiresAt } of all())
        if (expiresAt <= now) change<KeptStaging>(stagings, id, () => undefined);
    },
    async next(after, limit) {
      return all()
        .flatMap(({ id, kept }) =>
          kept.map(({ place, manifest }) => ({
            id,
            place,
            hashes: manifest.map(({ hash }) => hash),
          })),
        )
        .toSorted(inOrder)
        .filter((one) => after === undefined || inOrder(one, after) > 0)
        .slice(0, limit);
    },
  };
}
