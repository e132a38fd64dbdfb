import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { UploadId } from "../../domain/ids.ts";
import type { Upload, UploadNotFound, WantedChunk } from "../../domain/upload.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";

/** An upload, and the next chunks that it waits for. */
export type UploadProgress = { readonly upload: Upload; readonly missing: readonly WantedChunk[] };

/** Missing chunks that are told at once. */
export const toldChunks = 4_096;

export const progressOf = (
  upload: Upload,
  missing: readonly WantedChunk[] = [],
): UploadProgress => ({ upload, missing: missing.slice(0, toldChunks) });

export const GetUpload = shape({ uploadId: UploadId });
export type GetUpload = Infer<typeof GetUpload>;

export type UploadUnseen = UploadNotFound | Forbidden;
type Deps = { readonly mayAct: MayAct; readonly clock: Clock };

/** The upload, if there is one that has not expired, and the actor may change files of its owner. */
export const ownUpload =
  ({ mayAct, clock }: Deps) =>
  async (
    { uploads }: Pick<DriveScope, "uploads">,
    uploadId: UploadId,
    context: Context,
  ): Promise<Result<Upload, UploadUnseen>> => {
    const found = await uploads.byId(uploadId);
    if (!found || found.expiresAt <= clock.now())
      return err({ type: "upload-not-found", uploadId });
    const allowed = await mayAct(context, Permissions.changeNode, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };

/** Returns an upload, and which chunks it waits for. */
export function getUpload(deps: Deps & { readonly read: Read<DriveScope> }) {
  const own = ownUpload(deps);
  return async (
    { uploadId }: GetUpload,
    context: Context,
  ): Promise<Result<UploadProgress, UploadUnseen>> =>
    deps.read(context, async (scope) => {
      const found = await own(scope, uploadId, context);
      if (!found.ok) return found;
      return ok(progressOf(found.value, await scope.uploads.missing(uploadId, toldChunks)));
    });
}

/** Ends an upload. What has come of it is collected. */
export function cancelUpload(deps: Deps & { readonly unitOfWork: UnitOfWork<DriveScope> }) {
  const own = ownUpload(deps);
  return (
    { uploadId }: GetUpload,
    context: Context,
  ): Promise<Result<void, UploadUnseen | Conflict>> =>
    deps.unitOfWork(context, async (scope): Promise<Result<void, UploadUnseen>> => {
      const found = await own(scope, uploadId, context);
      if (!found.ok) return found;
      scope.uploads.remove(uploadId);
      return ok(undefined);
    });
}
