import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { MediaType } from "../../domain/content.ts";
import { NodeId, UploadId } from "../../domain/ids.ts";
import type { File, PlacedFile, StaleRevision, Unwritable } from "../../domain/node.ts";
import type { ChunksMissing, ContentMismatch, UploadTarget } from "../../domain/upload.ts";
import { examined, examiningPlaces, retryAfterS } from "../content/examine-content.ts";
import type { KeepingDeps } from "../content/keep-chunks.ts";
import type { Received } from "../content/receive-content.ts";
import { IfStale, keepFile, keepOrCopy, stepMs } from "../content/write-file.ts";
import type { Quota, QuotaExceeded } from "../content/quota.ts";
import type { NoPlace } from "../nodes/place-for.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { TooBusy } from "../places.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import { ownUpload, toldChunks, type UploadUnseen } from "./upload-progress.ts";

/** `ifStale`: where the file has been changed since the upload was begun. */
export const CommitUpload = shape({ uploadId: UploadId, ifStale: optional(IfStale) });
export type CommitUpload = Infer<typeof CommitUpload>;

type Keeping = {
  readonly target: UploadTarget;
  readonly found: Owned;
  readonly context: Context;
  readonly ifStale: IfStale | undefined;
  readonly received: Received;
};
type Deps = KeepingDeps & Quota & { readonly mayAct: MayAct; readonly newId: NewId };
type Incomplete = ChunksMissing | ContentMismatch | TooBusy;

const nodeOf = (target: UploadTarget): NodeId =>
  target.kind === "file" ? target.folderId : target.fileId;

type Kept = Result<PlacedFile, Unseen | NoPlace | Unwritable | StaleRevision | QuotaExceeded>;

/** Keeps a content as that of the file that an upload is for. */
async function keep(
  deps: Deps,
  scope: DriveScope,
  { target, found, context, ifStale, received }: Keeping,
): Promise<Kept> {
  const at = deps.clock.now();
  const content = { received, quotaBytes: deps.quotaBytes };
  return target.kind === "file"
    ? keepFile(scope, found, {
        id: deps.newId(NodeId),
        name: target.name,
        createdAt: at,
        ...content,
      })
    : keepOrCopy({ ...deps, scope, context }, found, {
        base: target.base,
        at,
        ifStale,
        ...content,
      });
}

/** Keeps the content of an upload, whose chunks have all come, as that of its file. */
export function commitUpload(deps: Deps) {
  const { read, unitOfWork, clock } = deps;
  const own = ownUpload(deps);
  const underWay = examiningPlaces();
  const changing = permitted(deps.mayAct, Permissions.changeNode);

  /** The file that an upload has become. */
  async function committed(scope: DriveScope, nodeId: NodeId, context: Context) {
    const found = await changing(scope, nodeId, context);
    return found.ok ? ok(found.value.node as File) : found;
  }

  type Outcome = Result<
    File,
    | UploadUnseen
    | Unseen
    | Incomplete
    | NoPlace
    | Unwritable
    | StaleRevision
    | QuotaExceeded
    | Conflict
  >;
  return async (
    { uploadId, ifStale }: CommitUpload,
    { idempotency: _idempotency, ...context }: Context,
  ): Promise<Outcome> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const looked = await read(step(), async (scope) => {
      const found = await own(scope, uploadId, context);
      if (!found.ok) return found;
      const missing = await scope.uploads.missing(uploadId, toldChunks);
      const manifest = await scope.uploads.manifest(uploadId);
      // Another commit may have taken both meanwhile: what is open still has what was read before.
      const now = await own(scope, uploadId, context);
      return now.ok ? ok({ upload: now.value, missing, manifest }) : now;
    });
    if (!looked.ok) return looked;
    const { upload, missing, manifest } = looked.value;
    if (missing.length > 0) return err({ type: "chunks-missing", chunks: missing.length });
    let mediaType = MediaType.unknown;
    if (upload.nodeId === undefined) {
      const { ownerId } = upload;
      if (underWay.isFull(ownerId)) return err({ type: "too-busy", retryAfterS });
      const examine = () => examined(deps, manifest, step);
      const { lost, hash, mediaType: sniffed } = await underWay.within(ownerId, examine);
      mediaType = sniffed ?? mediaType;
      if (lost.length > 0) {
        const want = async ({ uploads }: DriveScope) => ok(uploads.want(uploadId, lost));
        expect(await unitOfWork(step(), want));
        return err({ type: "chunks-missing", chunks: lost.length });
      }
      if (hash !== upload.hash) return err({ type: "content-mismatch", hash: upload.hash });
    }
    const settle = async (scope: DriveScope): Promise<Outcome> => {
      const now = await own(scope, uploadId, context);
      if (!now.ok) return now;
      const { target, nodeId, size, hash, modifiedAt } = now.value;
      if (nodeId !== undefined) return committed(scope, nodeId, context);
      const found = await changing(scope, nodeOf(target), context);
      if (!found.ok) return found;
      const received = { manifest, fresh: new Map(), size, hash, mediaType, modifiedAt };
      const keeping = { target, found: found.value, context, ifStale, received };
      const kept = await keep(deps, scope, keeping);
      if (kept.ok) scope.uploads.commit(uploadId, kept.value.id);
      return kept;
    };
    return unitOfWork(step(), settle, { lock: [`drive.upload/${uploadId}`] });
  };
}
