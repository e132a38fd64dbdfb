import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { ofOwn } from "#kernel/permission.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import type { Infer, Value } from "#kernel/shape.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { createSecrets } from "#platform/secrets/secrets.ts";
import { MemoryStore } from "#platform/memory/memory-store.ts";
import { systemIds, systemTimers as timers } from "#platform/system.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { testClock } from "#test/clock.ts";
import { testContext } from "#test/context.ts";
import { newId } from "#test/values.ts";
import { CopyNode } from "../application/nodes/copy-node.ts";
import { ReadManifest } from "../application/content/read-manifest.ts";
import { ReadThumbnail } from "../application/content/thumbnails.ts";
import { ReadFile } from "../application/content/read-file.ts";
import { ListRevisions, RestoreRevision } from "../application/content/revisions.ts";
import { CreateFiles } from "../application/content/create-files.ts";
import { CreateFile, OverwriteFile, ReviseFile } from "../application/content/write-file.ts";
import { CreateFolder } from "../application/nodes/create-folder.ts";
import { MoveNode, RestoreNode, TrashNode } from "../application/nodes/move-node.ts";
import { PurgeNode } from "../application/nodes/purge-node.ts";
import { GetNode, ListChildren, ListTrash } from "../application/nodes/read-nodes.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { DropFile } from "../application/links/drop-file.ts";
import {
  GetShared,
  ListShared,
  ReadSharedThumbnail,
  VisitLink,
} from "../application/links/follow-links.ts";
import { ListLocks, PlaceLock, ReleaseLock, RenewLock } from "../application/locks/locks.ts";
import { CreateLink, ListLinks, RevokeLink } from "../application/links/manage-links.ts";
import type { Addresses } from "../application/ports/invitations.ts";
import type { LinkPasswords } from "../application/ports/links.ts";
import type { DriveScope } from "../application/ports/scope.ts";
import { AnswerInvitation, InviteMember, ListInvited } from "../application/spaces/invitations.ts";
import { ChangeMember, ListMembers, RemoveMember } from "../application/spaces/members.ts";
import { OpenSpace } from "../application/spaces/spaces.ts";
import { BeginFile, BeginRevision } from "../application/uploads/begin-upload.ts";
import { CommitUpload } from "../application/uploads/commit-upload.ts";
import { ReceiveChunks } from "../application/uploads/receive-chunks.ts";
import { GetUpload } from "../application/uploads/upload-progress.ts";
import { ListPast } from "../application/time-machine/read-past.ts";
import { RestorePast } from "../application/time-machine/restore-past.ts";
import { cutAfter } from "../domain/chunking.ts";
import type { Sha256 } from "../domain/content.ts";
import type { Address } from "../domain/invitation.ts";
import type { LinkPasswordHash } from "../domain/link.ts";
import type { Part } from "../domain/delta.ts";
import { OwnerId, type NodeId } from "../domain/ids.ts";
import { grants } from "../grants.ts";
import { createDrive } from "../index.ts";
import { signedLinks } from "../infrastructure/signed-links.ts";
import { sharpThumbnails } from "../infrastructure/sharp-thumbnails.ts";
import { sniff } from "../infrastructure/sniffed-types.ts";
import { sha256Digests as digests } from "../infrastructure/digests.ts";
import { uploadedArchive } from "../presentation/uploaded-archive.ts";
import { uploadedFile } from "../presentation/uploaded-file.ts";
import { memoryChunks } from "./memory-chunks.ts";
import { memoryDrive } from "./memory-drive.ts";
import { memoryDriveTables } from "./memory-tables.ts";

/** The adapters that the drive is tested on. */
export type DriveSubject = AsyncDisposable & {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  /** Types of all events, in order. */
  readonly events: () => Promise<readonly string[]>;
  /** The payloads of all events, as one text. */
  readonly payloads: () => Promise<string>;
};
export type OpenDrive = (clock: Clock) => Promise<DriveSubject>;

export const memorySubject: OpenDrive = async (clock) => {
  const kept = new MemoryStore({ clock, newId: systemIds, timers });
  return {
    ...kept.units(memoryDrive(memoryDriveTables())),
    store: memoryChunks(clock),
    events: async () => kept.events.map(({ type }) => type),
    payloads: async () => JSON.stringify(kept.events.map(({ payload }) => payload)),
    async [Symbol.asyncDispose]() {},
  };
};

/** What a use case is given where it comes from outside. */
export const read = <V extends Value<unknown>>(value: V, input: object): Infer<V> =>
  expect(value.parse(input)) as Infer<V>;

/** The type of a refusal, or `ok`. */
export const outcomeOf = (result: Result<unknown, { readonly type: string }>): string =>
  result.ok ? "ok" : result.error.type;

/** Every user has an address of their own: `<id>@example.com`. */
export const addressOf = (userId: string): string => `${userId}@example.com`;
const addresses: Addresses = {
  canonical: (typed) =>
    typed.endsWith(".invalid") ? undefined : (typed.trim().toLowerCase() as Address),
  verifiedOf: async (userId) => addressOf(userId) as Address,
};

/** As quick as a test wants. */
const linkPasswords: LinkPasswords = {
  hash: async (password) => ok(`hash of ${password}` as LinkPasswordHash),
  matches: async (password, hash) => ok(hash === `hash of ${password}`),
};

const granted = grants["member"] ?? [];

/** Bytes as they arrive. */
export async function* piecesOf(bytes: Uint8Array, most = 65_536): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += most) yield bytes.subarray(at, at + most);
}

/** A drive of two people, one of whom has a space. */
async function driveOn(open: OpenDrive, quotaBytes: number | undefined) {
  const clock = testClock();
  const subject = await open(clock);
  const [adaId, bobId] = [newId(OwnerId), newId(OwnerId)];
  const linkTokens = signedLinks(createSecrets([Buffer.alloc(32, 1)]));
  const drive = createDrive({
    removalLock: "segments",
    ...subject,
    digests,
    sniff,
    thumbnailer: sharpThumbnails,
    addresses,
    linkPasswords,
    linkTokens,
    trashDays: 30,
    revisionDays: 30,
    quotaBytes,
    clock,
    newId: systemIds,
    metrics: createMetrics(),
    audit: { enter: async () => {} },
    mayAct: async ({ actor }, permission, on) =>
      actor === "system" ||
      granted.includes(permission) ||
      (on?.owner === actor && granted.includes(ofOwn(permission)))
        ? ok(undefined)
        : err({ type: "forbidden", permission }),
  });
  const as = (actor: string): Context => ({
    ...testContext({ actor }),
    deadlineMs: clock.unixMs() + 20_000,
  });
  const space = expect(await drive.openSpace(read(OpenSpace, { name: "My files" }), as(adaId)));
  return { drive, subject, linkTokens, clock, as, adaId, bobId, space, rootId: space.rootId };
}
type House = Awaited<ReturnType<typeof driveOn>>;

/** What the owner does with folders, or somebody else tries. */
const treeOf = ({ drive, as, adaId, space }: House) => {
  const folder = (nodeId: string, name: string, actor: string = adaId) =>
    drive.createFolder(read(CreateFolder, { nodeId, name }), as(actor));
  const children = (nodeId: string) =>
    drive.listChildren(read(ListChildren, { nodeId }), as(adaId));
  return {
    folder,
    made: async (nodeId: string, name: string) => expect(await folder(nodeId, name)).id,
    move: (nodeId: string, to: object, actor: string = adaId) =>
      drive.moveNode(read(MoveNode, { nodeId, ...to }), as(actor)),
    trash: (nodeId: string, more: object = {}, actor: string = adaId) =>
      drive.trashNode(read(TrashNode, { nodeId, ...more }), as(actor)),
    purge: (nodeId: string, actor: string = adaId) =>
      drive.purgeNode(read(PurgeNode, { nodeId }), as(actor)),
    restore: (nodeId: string, to: object = {}) =>
      drive.restoreNode(read(RestoreNode, { nodeId, ...to }), as(adaId)),
    children,
    async names(nodeId: string) {
      return expect(await children(nodeId)).items.map(({ name }) => name);
    },
    async tag(nodeId: NodeId, folderId = nodeId) {
      return expect(await drive.rollUps({ nodeId }, as(adaId)))(folderId);
    },
    trashed: async (more: object = {}) =>
      expect(await drive.listTrash(read(ListTrash, { spaceId: space.id, ...more }), as(adaId))),
    seen: (nodeId: string, actor: string = adaId) =>
      drive.getNode(read(GetNode, { nodeId }), as(actor)),
  };
};

/** What the owner does with files. */
const filesOf = ({ drive, as, adaId }: House) => {
  const contentOf = (bytes: Uint8Array) => uploadedFile(piecesOf(bytes));
  return {
    file(
      nodeId: string,
      name: string,
      bytes: Uint8Array,
      {
        context = as(adaId),
        ...more
      }: { context?: Context; modifiedAt?: string; ifTaken?: string } = {},
    ) {
      const input = { nodeId, name, content: contentOf(bytes), ...more };
      return drive.createFile(read(CreateFile, input), context);
    },
    batch: (nodeId: string, archive: Uint8Array, context = as(adaId)) => {
      const content = uploadedArchive(piecesOf(archive, 1_000));
      return drive.createFiles(read(CreateFiles, { nodeId, content }), context);
    },
    overwrite(nodeId: string, bytes: Uint8Array, actor: string = adaId) {
      const input = { nodeId, content: contentOf(bytes) };
      return drive.overwriteFile(read(OverwriteFile, input), as(actor));
    },
    revise(nodeId: string, revision: number, bytes: Uint8Array, more: object = {}) {
      const input = { nodeId, expectedVersion: revision, content: contentOf(bytes), ...more };
      return drive.reviseFile(read(ReviseFile, input), as(adaId));
    },
    thumbnail: (nodeId: string, more: object = {}, actor: string = adaId) =>
      drive.readThumbnail(read(ReadThumbnail, { nodeId, ...more }), as(actor)),
    copy: (nodeId: string, to: object = {}, actor: string = adaId) =>
      drive.copyNode(read(CopyNode, { nodeId, ...to }), as(actor)),
    revisions: async (nodeId: string, more: object = {}) =>
      expect(await drive.listRevisions(read(ListRevisions, { nodeId, ...more }), as(adaId))),
    restoreRevision: (nodeId: string, revision: number, expectedVersion: number) =>
      drive.restoreRevision(
        read(RestoreRevision, { nodeId, revision, expectedVersion }),
        as(adaId),
      ),
    async bytesOf(nodeId: string, from = 0, until = Infinity, revision?: number) {
      const asked = { nodeId, ...(revision === undefined ? {} : { revision }) };
      const found = expect(await drive.readFile(read(ReadFile, asked), as(adaId)));
      const range = { from, until: Math.min(until, found.file.content.size) };
      const pieces: Uint8Array[] = [];
      for await (const piece of found.bytes(range)) pieces.push(piece);
      return Buffer.concat(pieces);
    },
  };
};

/** What an owner does with members, and what those do who are invited. */
const membersOf = ({ drive, as, adaId, bobId, space }: House) => {
  const spaceId = space.id;
  const invite = (userId: string, role = "editor", actor: string = adaId) =>
    drive.inviteMember(read(InviteMember, { spaceId, email: addressOf(userId), role }), as(actor));
  const accept = (invitationId: string, actor: string = bobId) =>
    drive.acceptInvitation(read(AnswerInvitation, { invitationId }), as(actor));
  return {
    invite,
    accept,
    endInvitation: (invitationId: string, actor: string) =>
      drive.endInvitation(read(AnswerInvitation, { invitationId }), as(actor)),
    invited: (actor: string = adaId) =>
      drive.listInvited(read(ListInvited, { spaceId }), as(actor)),
    invitations: async (actor: string = bobId) =>
      expect(await drive.listInvitations({}, as(actor))),
    members: (actor: string = adaId) =>
      drive.listMembers(read(ListMembers, { spaceId }), as(actor)),
    changeMember: (userId: string, role: string, actor: string = adaId) =>
      drive.changeMember(read(ChangeMember, { spaceId, userId, role }), as(actor)),
    removeMember: (userId: string, actor: string = adaId) =>
      drive.removeMember(read(RemoveMember, { spaceId, userId }), as(actor)),
    async join(userId: string, role: string) {
      const { id } = expect(await invite(userId, role));
      return expect(await accept(id, userId));
    },
  };
};

/** What the owner does with the time machine, or somebody else tries. */
const timeMachineOf = ({ drive, as, adaId }: House) => ({
  past: (nodeId: string, at: string, more: object = {}, actor: string = adaId) =>
    drive.listPast(read(ListPast, { nodeId, at, ...more }), as(actor)),
  rewind: (nodeId: string, at: string, more: object = {}, actor: string = adaId) =>
    drive.restorePast(read(RestorePast, { nodeId, at, ...more }), as(actor)),
});

/** A content as a client tells it. */
export function toldOf(bytes: Uint8Array) {
  const chunks: { readonly hash: Sha256; readonly size: number; readonly bytes: Uint8Array }[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = cutAfter(bytes, at, true) ?? bytes.length;
    const chunk = bytes.subarray(at, end);
    chunks.push({ hash: digests.sha256(chunk), size: chunk.length, bytes: chunk });
    at = end;
  }
  const manifest = chunks.map(({ hash, size }) => ({ hash, size }));
  return { size: bytes.length, hash: digests.sha256(bytes), chunks, manifest };
}

/** What clients do that send contents chunk by chunk. */
const uploadsOf = ({ drive, as, adaId }: House) => {
  const asked = (bytes: Uint8Array, parts: readonly Part[]) => {
    const { size, hash } = toldOf(bytes);
    return {
      size,
      hash,
      parts: { read: async () => ok({ parts, digest: JSON.stringify(parts) }) },
    };
  };
  return {
    begin: (nodeId: string, bytes: Uint8Array, more: object = {}, by: string | Context = adaId) => {
      const { parts = toldOf(bytes).manifest, ...input } = more as { parts?: readonly Part[] };
      return drive.beginFile(
        read(BeginFile, { nodeId, name: "sent", ...asked(bytes, parts), ...input }),
        typeof by === "string" ? as(by) : by,
      );
    },
    beginRevision: (
      nodeId: string,
      expectedVersion: number,
      bytes: Uint8Array,
      parts: readonly Part[],
      more: object = {},
    ) =>
      drive.beginRevision(
        read(BeginRevision, { nodeId, expectedVersion, ...asked(bytes, parts), ...more }),
        as(adaId),
      ),
    send: (
      uploadId: string,
      chunks: string,
      bytes: Uint8Array | AsyncIterable<Uint8Array>,
      actor: string = adaId,
    ) => {
      const content = uploadedFile(bytes instanceof Uint8Array ? piecesOf(bytes, 10_007) : bytes);
      return drive.receiveChunks(read(ReceiveChunks, { uploadId, chunks, content }), as(actor));
    },
    progress: async (uploadId: string, actor: string = adaId) =>
      drive.getUpload(read(GetUpload, { uploadId }), as(actor)),
    commit: (uploadId: string, actor: string = adaId, more: object = {}) =>
      drive.commitUpload(read(CommitUpload, { uploadId, ...more }), as(actor)),
    cancel: (uploadId: string, actor: string = adaId) =>
      drive.cancelUpload(read(GetUpload, { uploadId }), as(actor)),
    manifest: (nodeId: string, more: object = {}, actor: string = adaId) =>
      drive.readManifest(read(ReadManifest, { nodeId, ...more }), as(actor)),
  };
};

/** What the owner does with locks, or somebody else. */
const locksOf = ({ drive, as, adaId }: House) => ({
  lock: (nodeId: string, more: object = {}, actor: string = adaId) =>
    drive.placeLock(read(PlaceLock, { nodeId, ...more }), as(actor)),
  renew: (lockId: string, seconds: number, actor: string = adaId) =>
    drive.renewLock(read(RenewLock, { lockId, seconds }), as(actor)),
  release: (lockId: string, actor: string = adaId) =>
    drive.releaseLock(read(ReleaseLock, { lockId }), as(actor)),
  locks: async (nodeId: string, more: object = {}, actor: string = adaId) =>
    expect(await drive.listLocks(read(ListLocks, { nodeId, ...more }), as(actor))),
});

/** What the owner does with links, and what those do who follow them. */
const linksOf = ({ drive, as, adaId }: House) => {
  const stranger = () => as("anonymous");
  return {
    link: (nodeId: string, more: object = {}, actor: string = adaId) =>
      drive.createLink(read(CreateLink, { nodeId, ...more }), as(actor)),
    links: async (nodeId: string) =>
      expect(await drive.listLinks(read(ListLinks, { nodeId }), as(adaId))),
    revoke: (linkId: string, actor: string = adaId) =>
      drive.revokeLink(read(RevokeLink, { linkId }), as(actor)),
    visit: (token: string, password?: string) =>
      drive.visitLink(
        read(VisitLink, { link: token, ...(password ? { password } : {}) }),
        stranger(),
      ),
    shared: (token: string, more: object = {}) =>
      drive.getShared(read(GetShared, { link: token, ...more }), stranger()),
    sharedChildren: (token: string, more: object = {}) =>
      drive.listShared(read(ListShared, { link: token, ...more }), stranger()),
    drop: (
      token: string,
      name: string,
      bytes: Uint8Array | AsyncIterable<Uint8Array>,
      more: object = {},
    ) => {
      const content = uploadedFile(bytes instanceof Uint8Array ? piecesOf(bytes) : bytes);
      return drive.dropFile(read(DropFile, { link: token, name, content, ...more }), stranger());
    },
    sharedArchive: (token: string, more: object = {}) =>
      drive.readSharedArchive(read(GetShared, { link: token, ...more }), stranger()),
    sharedThumbnail: (token: string, more: object = {}) =>
      drive.readSharedThumbnail(read(ReadSharedThumbnail, { link: token, ...more }), stranger()),
    sharedBytes: (token: string, more: object = {}) =>
      drive.readShared(read(GetShared, { link: token, ...more }), stranger()),
  };
};

/** Adds the actions that most tests need. */
export async function openDrive(open: OpenDrive, quotaBytes?: number) {
  const house = await driveOn(open, quotaBytes);
  return {
    ...house,
    ...treeOf(house),
    ...filesOf(house),
    ...uploadsOf(house),
    ...locksOf(house),
    ...linksOf(house),
    ...timeMachineOf(house),
    ...membersOf(house),
    [Symbol.asyncDispose]: () => house.subject[Symbol.asyncDispose](),
  };
}
