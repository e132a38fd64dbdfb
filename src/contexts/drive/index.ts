/**
 * Drive: files and folders of people.
 *
 * - **space**: a tree of files that one user owns, and others may be **members** of
 * - **invitation**: lets whoever has an address become a member
 * - **node**: a file or a folder, which keeps its id wherever it is moved
 * - **revision**: what a file held at a time; it never changes
 * - **chunk**: a piece of content, named by its SHA-256 and kept once
 * - **upload**: a content that arrives chunk by chunk, over as many requests as it takes
 * - **staging**: a content that is put together of pieces before a file has it
 * - **link**: opens a file or a folder for whoever has it; a **visit** is what a password is shown for
 * - **property**: something that a client keeps with a file or a folder
 * - **lock**: says to others who works on a file or a folder
 * - **segment**: a file or an object in which chunks are kept, one after the other
 */
import type { Audit } from "#kernel/audit.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { createHandlers } from "#platform/handlers/handlers.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import { changedSpaces, followChanges, listChanges } from "./application/changes/list-changes.ts";
import { collectChunks } from "./application/collection/collect-chunks.ts";
import { findUnmoved, listPathChanges } from "./application/changes/path-changes.ts";
import { readArchive } from "./application/content/read-archive.ts";
import { sniffContents } from "./application/content/sniff-contents.ts";
import { readThumbnail } from "./application/content/thumbnails.ts";
import { readFile } from "./application/content/read-file.ts";
import { readManifest } from "./application/content/read-manifest.ts";
import { listRevisions, restoreRevision } from "./application/content/revisions.ts";
import { createFiles } from "./application/content/create-files.ts";
import {
  createFile,
  mayCreateFile,
  mayUpload,
  overwriteFile,
  reviseFile,
} from "./application/content/write-file.ts";
import { createFolder } from "./application/nodes/create-folder.ts";
import { dropFile } from "./application/links/drop-file.ts";
import {
  getShared,
  listShared,
  readShared,
  readSharedArchive,
  readSharedThumbnail,
  visitLink,
} from "./application/links/follow-links.ts";
import { createLink, listLinks, revokeLink } from "./application/links/manage-links.ts";
import { listLocks, placeLock, releaseLock, renewLock } from "./application/locks/locks.ts";
import { moveNode, restoreNode, trashNode } from "./application/nodes/move-node.ts";
import { copyNode } from "./application/nodes/copy-node.ts";
import { purgeExpired, purgeNode } from "./application/nodes/purge-node.ts";
import { findByPath, getNode, listChildren, listTrash } from "./application/nodes/read-nodes.ts";
import { resolvePath } from "./application/nodes/resolve-path.ts";
import { rollUps } from "./application/nodes/roll-ups.ts";
import { searchNodes } from "./application/nodes/search-nodes.ts";
import {
  changeProperties,
  findPropertied,
  listProperties,
} from "./application/properties/properties.ts";
import { sealStaging } from "./application/stagings/seal-staging.ts";
import { stageBytes } from "./application/stagings/stage-bytes.ts";
import {
  beginStaging,
  discardStaging,
  listStagings,
  findStaging,
  getStaging,
  joinStagings,
  listPieces,
  settleStagings,
  tellStagingLength,
} from "./application/stagings/stagings.ts";
import { listPast } from "./application/time-machine/read-past.ts";
import { prunePast } from "./application/time-machine/prune-past.ts";
import { restorePast } from "./application/time-machine/restore-past.ts";
import type { ChunkStore, Digests, Sniff } from "./application/ports/chunks.ts";
import type { Addresses } from "./application/ports/invitations.ts";
import type { LinkPasswords, LinkTokens } from "./application/ports/links.ts";
import type { Thumbnailer } from "./application/ports/thumbnails.ts";
import type { DriveScope } from "./application/ports/scope.ts";
import { beginFile, beginRevision } from "./application/uploads/begin-upload.ts";
import { commitUpload } from "./application/uploads/commit-upload.ts";
import { receiveChunks } from "./application/uploads/receive-chunks.ts";
import { cancelUpload, getUpload } from "./application/uploads/upload-progress.ts";
import { deleteSpace, renameSpace } from "./application/spaces/change-space.ts";
import {
  acceptInvitation,
  endInvitation,
  inviteMember,
  listInvitations,
  listInvited,
} from "./application/spaces/invitations.ts";
import { changeMember, listMembers, removeMember } from "./application/spaces/members.ts";
import { getSpace, listSpaces, openSpace } from "./application/spaces/spaces.ts";
import { getUsage } from "./application/spaces/usage.ts";

export { driveEvents, type DriveEvent } from "./domain/events.ts";

export type DriveDeps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly sniff: Sniff;
  readonly thumbnailer: Thumbnailer;
  readonly addresses: Addresses;
  readonly linkPasswords: LinkPasswords;
  readonly linkTokens: LinkTokens;
  /** Whoever removes a segment holds this lock, which a backup shares. */
  readonly removalLock: string;
  /** Days for which the trash keeps what is in it; 0 is for ever. */
  readonly trashDays: number;
  /** Days for which contents that were replaced are kept; 0 is for ever. */
  readonly revisionDays: number;
  /** Bytes that the spaces of one owner may have, each content counted once in a space; undefined is without a limit. */
  readonly quotaBytes: number | undefined;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly metrics: Metrics;
  readonly audit: Pick<Audit, "enter">;
};

/** What the drive does by itself. */
const chores = (deps: DriveDeps) => ({
  purgeExpired: purgeExpired(deps),
  prunePast: prunePast(deps),
  sniffContents: sniffContents(deps),
  collectChunks: collectChunks(deps),
});

/** What is opened for whoever has a link. */
const linking = (deps: DriveDeps) => ({
  createLink: createLink(deps),
  listLinks: listLinks(deps),
  revokeLink: revokeLink(deps),
  visitLink: visitLink(deps),
  getShared: getShared(deps),
  listShared: listShared(deps),
  readShared: readShared(deps),
  readSharedThumbnail: readSharedThumbnail(deps),
  readSharedArchive: readSharedArchive(deps),
  dropFile: dropFile(deps),
});

/** What puts a content together of pieces. */
const staging = (deps: DriveDeps) => ({
  beginStaging: beginStaging(deps),
  findStaging: findStaging(deps),
  getStaging: getStaging(deps),
  listPieces: listPieces(deps),
  tellStagingLength: tellStagingLength(deps),
  stageBytes: stageBytes(deps),
  joinStagings: joinStagings(deps),
  sealStaging: sealStaging(deps),
  settleStagings: settleStagings(deps),
  discardStaging: discardStaging(deps),
  listStagings: listStagings(deps),
});

/** All that the drive can be asked to do. */
export const createDrive = (deps: DriveDeps) =>
  createHandlers(
    "drive",
    {
      ...chores(deps),

      openSpace: openSpace(deps),
      getSpace: getSpace(deps),
      listSpaces: listSpaces(deps),
      getUsage: getUsage(deps),

      renameSpace: renameSpace(deps),
      deleteSpace: deleteSpace(deps),

      inviteMember: inviteMember(deps),
      listInvited: listInvited(deps),
      listInvitations: listInvitations(deps),
      acceptInvitation: acceptInvitation(deps),
      endInvitation: endInvitation(deps),
      listMembers: listMembers(deps),
      changeMember: changeMember(deps),
      removeMember: removeMember(deps),

      createFolder: createFolder(deps),
      getNode: getNode(deps),
      findByPath: findByPath(deps),
      resolvePath: resolvePath(deps),
      listChildren: listChildren(deps),
      rollUps: rollUps(deps),
      searchNodes: searchNodes(deps),
      moveNode: moveNode(deps),
      trashNode: trashNode(deps),
      restoreNode: restoreNode(deps),
      listTrash: listTrash(deps),
      purgeNode: purgeNode(deps),

      listPast: listPast(deps),
      restorePast: restorePast(deps),

      listChanges: listChanges(deps),
      listPathChanges: listPathChanges(deps),
      findUnmoved: findUnmoved(deps),
      followChanges: followChanges(deps),
      changedSpaces: changedSpaces(deps),

      mayUpload: mayUpload(deps),
      mayCreateFile: mayCreateFile(deps),
      createFile: createFile(deps),
      createFiles: createFiles(deps),
      reviseFile: reviseFile(deps),
      overwriteFile: overwriteFile(deps),
      copyNode: copyNode(deps),
      readFile: readFile(deps),
      readThumbnail: readThumbnail(deps),
      readArchive: readArchive(deps),
      listRevisions: listRevisions(deps),
      restoreRevision: restoreRevision(deps),
      readManifest: readManifest(deps),

      beginFile: beginFile(deps),
      beginRevision: beginRevision(deps),
      getUpload: getUpload(deps),
      receiveChunks: receiveChunks(deps),
      commitUpload: commitUpload(deps),
      cancelUpload: cancelUpload(deps),

      placeLock: placeLock(deps),
      listLocks: listLocks(deps),
      renewLock: renewLock(deps),
      releaseLock: releaseLock(deps),

      findPropertied: findPropertied(deps),
      listProperties: listProperties(deps),
      changeProperties: changeProperties(deps),

      ...linking(deps),
      ...staging(deps),
    },
    { ...deps, denials: ["forbidden"] },
  );

export type Drive = ReturnType<typeof createDrive>;
