import { withDigest, type Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { handedOver, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import {
  ByteCount,
  RevisionNumber,
  Sha256,
  sizeOf,
  type Fingerprint,
  type Manifest,
} from "../../domain/content.ts";
import { manifestOf, type Part, type PartsInvalid } from "../../domain/delta.ts";
import { NodeId, OwnerId, UploadId } from "../../domain/ids.ts";
import { NodeName } from "../../domain/node-name.ts";
import {
  asWritable,
  type NotAFile,
  type StaleRevision,
  type Unwritable,
} from "../../domain/node.ts";
import {
  maxOpenUploads,
  uploadMs,
  type ContentUnknown,
  type TooManyUploads,
  type Upload,
  type UploadTarget,
  type WantedChunk,
} from "../../domain/upload.ts";
import { relied, type KeepingDeps } from "../content/keep-chunks.ts";
import { ModifiedAt, stepMs } from "../content/write-file.ts";
import { roomFor, type Quota, type QuotaExceeded } from "../content/quota.ts";
import { wholeManifest } from "../content/whole-manifest.ts";
import { placeFor, type NoPlace } from "../nodes/place-for.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { Uploads } from "../ports/uploads.ts";
import { progressOf, toldChunks, type UploadProgress } from "./upload-progress.ts";

/** Parts of a content, and what tells their text from others. */
export type DigestedParts = { readonly parts: readonly Part[]; readonly digest: string };
/** The parts of a content while they arrive. Whoever asks again is given the same ones. */
export type ToldParts = { readonly read: () => Promise<Result<DigestedParts, PartsInvalid>> };

/** More than the lines of as many chunks as a content may have. */
export const maxPartsBytes = 64 * 2 ** 20;
const parts = handedOver<ToldParts>("parts", {
  type: "string",
  format: "binary",
  maxLength: maxPartsBytes,
  description: "The parts of the content, one JSON object in a line each",
});
const told = { size: ByteCount, hash: Sha256, modifiedAt: optional(ModifiedAt), parts };

/** `source`: a file that parts are copied from. Without parts, a file of the same space has the same content. */
export const BeginFile = shape({
  ...told,
  nodeId: NodeId,
  name: NodeName,
  source: optional(NodeId),
});
export type BeginFile = Infer<typeof BeginFile>;

/** `expectedVersion`: the revision that the content is based on, and that parts are copied from. */
export const BeginRevision = shape({ ...told, nodeId: NodeId, expectedVersion: Version });
export type BeginRevision = Infer<typeof BeginRevision>;

type Deps = KeepingDeps & Quota & { readonly mayAct: MayAct; readonly newId: NewId };
type Begun = Unseen | PartsInvalid | ContentUnknown | QuotaExceeded | TooManyUploads;
/** A content that parts are copied from, and where the upload goes. */
type Ground = { readonly base: Manifest; readonly target: UploadTarget; readonly found: Owned };

/** The chunks of a file of a space with a content; undefined where there is none. */
async function sameContent(
  { nodes, revisions }: DriveScope,
  { node }: Owned,
  { hash, size }: Fingerprint,
) {
  const same = await nodes.withContent(node.spaceId, { hash, size });
  return same && wholeManifest(revisions, same.id, same.content.revision);
}

/** The chunks that the parts stand for. Without parts, the space has a file with the content. */
async function chunksOf(
  scope: DriveScope,
  { base, found }: Ground,
  { size, hash, parts: given }: { readonly parts: readonly Part[] } & Fingerprint,
): Promise<Result<Manifest, PartsInvalid | ContentUnknown>> {
  if (given.length === 0 && size > 0) {
    const same = await sameContent(scope, found, { size, hash });
    return same ? ok(same) : err({ type: "content-unknown", hash });
  }
  const manifest = manifestOf(given, base);
  if (!manifest.ok || sizeOf(manifest.value) === size) return manifest;
  return err({ type: "parts-invalid", part: given.length, reason: "other-size" });
}

/** Chunks that the caller has to send: each once, besides those of contents that the caller may read. */
function wantedOf(manifest: Manifest, known: ReadonlySet<Sha256>): readonly WantedChunk[] {
  const seen = new Set(known);
  return manifest.flatMap(({ hash, size }, position) => {
    if (seen.has(hash)) return [];
    seen.add(hash);
    return [{ hash, size, position, hasCome: false }];
  });
}

const beginning =
  (deps: Deps) =>
  async <R>(
    {
      size,
      hash,
      modifiedAt,
      parts: arriving,
      nodeId,
    }: Pick<BeginFile, "nodeId" | "size" | "hash" | "modifiedAt" | "parts">,
    { idempotency, ...context }: Context,
    groundOf: (scope: DriveScope, found: Owned) => Promise<Result<Ground, R>>,
  ): Promise<Result<UploadProgress, R | Begun | Conflict>> => {
    const { read, unitOfWork, clock, newId, quotaBytes } = deps;
    const seen = permitted(deps.mayAct, Permissions.changeNode);
    const arrived = await arriving.read();
    if (!arrived.ok) return arrived;
    const { parts: given, digest } = arrived.value;
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const content = { size, hash };
    type Looked = Result<Ground & { readonly manifest: Manifest }, R | Begun>;
    const looked = await read(step(), async (scope): Promise<Looked> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const ground = await groundOf(scope, found.value);
      if (!ground.ok) return ground;
      const room = await roomFor(scope, { ...found.value, contents: [content], quotaBytes });
      if (!room.ok) return room;
      const manifest = await chunksOf(scope, ground.value, { ...content, parts: given });
      return manifest.ok ? ok({ ...ground.value, manifest: manifest.value }) : manifest;
    });
    if (!looked.ok) return looked;
    const { base, manifest, target, found } = looked.value;
    const readable = new Set((given.length === 0 ? manifest : base).map((one) => one.hash));
    const shared = [...new Set(manifest.map((one) => one.hash))].filter((one) => readable.has(one));
    const there = await relied(deps, shared, step());
    const known = new Set(shared.filter((one) => there.get(one)?.isDoubted === false));
    const createdAt = clock.now();
    const expiresAt = Instant.plus(createdAt, uploadMs);
    const uploader = OwnerId.parse(context.actor);
    const ownerId = uploader.ok ? uploader.value : found.ownerId;
    const upload = {
      ...content,
      modifiedAt: modifiedAt ?? createdAt,
      id: newId(UploadId),
      ownerId,
      target,
      createdAt,
      expiresAt,
    };
    const same = idempotency ? { idempotency: withDigest(idempotency, digest) } : {};
    return unitOfWork(
      { ...step(), ...same },
      ({ uploads }) => begun(uploads, upload, { manifest, wanted: wantedOf(manifest, known) }),
      { lock: [`drive.uploads/${ownerId}`] },
    );
  };

type Chunks = { readonly manifest: Manifest; readonly wanted: readonly WantedChunk[] };

/** Goes on with an upload of the same chunks, or begins one. */
async function begun(
  uploads: Uploads,
  upload: Upload,
  { manifest, wanted }: Chunks,
): Promise<Result<UploadProgress, TooManyUploads>> {
  const { createdAt, ownerId } = upload;
  const same = await uploads.same(upload, manifest);
  if (same) return ok(progressOf(same, await uploads.missing(same.id, toldChunks)));
  if ((await uploads.countOpen(ownerId, createdAt)) >= maxOpenUploads)
    return err({ type: "too-many-uploads", maxOpenUploads });
  uploads.add(upload, manifest, wanted);
  return ok(progressOf(upload, wanted));
}

const stale = ({ content }: { readonly content: { readonly revision: RevisionNumber } }) =>
  err<StaleRevision>({ type: "stale-revision", currentRevision: content.revision });

/** Begins the upload of a file that is to be made in a folder. */
export function beginFile(deps: Deps) {
  const begin = beginning(deps);
  const seen = permitted(deps.mayAct, Permissions.readNode);
  type Refused = NoPlace | Unseen | NotAFile;
  return ({ name, source, ...input }: BeginFile, context: Context) =>
    begin<Refused>(input, context, async (scope, found): Promise<Result<Ground, Refused>> => {
      const place = await placeFor(scope, found, { id: deps.newId(NodeId), name, height: 0 });
      if (!place.ok) return place;
      const target = { kind: "file", folderId: input.nodeId, name } as const;
      if (source === undefined) return ok({ base: [], target, found });
      const other = await seen(scope, source, context);
      if (!other.ok) return other;
      const { node } = other.value;
      if (node.kind !== "file") return err({ type: "not-a-file", nodeId: source });
      const base = await wholeManifest(scope.revisions, source, node.content.revision);
      return ok({ base, target, found });
    });
}

/** Begins the upload of another content of a file. */
export function beginRevision(deps: Deps) {
  const begin = beginning(deps);
  type Refused = Unwritable | StaleRevision;
  return ({ expectedVersion, ...input }: BeginRevision, context: Context) =>
    begin<Refused>(input, context, async (scope, found): Promise<Result<Ground, Refused>> => {
      const file = asWritable(found);
      if (!file.ok) return file;
      const base = expectedVersion as number as RevisionNumber;
      if (file.value.content.revision !== base) return stale(file.value);
      const target = { kind: "revision", fileId: input.nodeId, base } as const;
      return ok({ base: await wholeManifest(scope.revisions, input.nodeId, base), target, found });
    });
}
