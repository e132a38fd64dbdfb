import { isDeepStrictEqual } from "node:util";
import type { MemoryTransaction } from "#platform/memory/memory-pending.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import type { UploadId } from "../domain/ids.ts";
import { byText, type KeptUpload, type Tables } from "./memory-tables.ts";

/** Uploads in memory. */
export function uploadsIn(
  { uploads }: Tables,
  { change }: MemoryTransaction,
): DriveScope["uploads"] {
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
