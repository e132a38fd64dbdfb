import { event, registry, type EventOf } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import { optional } from "#kernel/shape.ts";
import { ByteCount, RevisionNumber, Sha256 } from "./content.ts";
import { InvitationId, LinkId, LockId, NodeId, OwnerId, SpaceId, UserId } from "./ids.ts";
import { MemberRole } from "./member-role.ts";
import { NodeName } from "./node-name.ts";

export const SpaceOpened = event("drive.space-opened", 1, {
  spaceId: SpaceId,
  ownerId: OwnerId,
  rootId: NodeId,
  name: NodeName,
});

export const SpaceRenamed = event("drive.space-renamed", 1, { spaceId: SpaceId, name: NodeName });
/** Nothing was in it. */
export const SpaceClosed = event("drive.space-closed", 1, { spaceId: SpaceId });

/** The address is not told: it could not be erased from here. */
export const MemberInvited = event("drive.member-invited", 1, {
  invitationId: InvitationId,
  spaceId: SpaceId,
  role: MemberRole,
});
/** Accepted, declined or withdrawn. */
export const InvitationEnded = event("drive.invitation-ended", 1, {
  invitationId: InvitationId,
  spaceId: SpaceId,
});
export const MemberJoined = event("drive.member-joined", 1, {
  spaceId: SpaceId,
  userId: UserId,
  role: MemberRole,
});
export const MemberRoleChanged = event("drive.member-role-changed", 1, {
  spaceId: SpaceId,
  userId: UserId,
  role: MemberRole,
});
export const MemberLeft = event("drive.member-left", 1, { spaceId: SpaceId, userId: UserId });

/** The root of a space has no parent. */
export const FolderCreated = event("drive.folder-created", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  parentId: optional(NodeId),
  name: NodeName,
});
export const FileCreated = event("drive.file-created", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  parentId: NodeId,
  name: NodeName,
  size: ByteCount,
  hash: Sha256,
});
export const FileRevised = event("drive.file-revised", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  revision: RevisionNumber,
  size: ByteCount,
  hash: Sha256,
});
/** Renamed, moved to another folder, or both. */
export const NodeMoved = event("drive.node-moved", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  parentId: NodeId,
  name: NodeName,
});
/** The root of a space has the name of the space. */
export const RootRenamed = event("drive.root-renamed", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  name: NodeName,
});
/** With all that lies below it. */
export const NodeTrashed = event("drive.node-trashed", 1, { nodeId: NodeId, spaceId: SpaceId });
export const NodeRestored = event("drive.node-restored", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  parentId: NodeId,
  name: NodeName,
});

/** Deleted for good, with all that lay below it. */
export const NodePurged = event("drive.node-purged", 1, { nodeId: NodeId, spaceId: SpaceId });

/** Made what it was at a time. The events of what lies below it say what that took. */
export const FolderRewound = event("drive.folder-rewound", 1, {
  nodeId: NodeId,
  spaceId: SpaceId,
  to: Instant,
});

/** Not a change of the node: the feed does not tell it. */
export const LinkCreated = event("drive.link-created", 1, {
  linkId: LinkId,
  sharedId: NodeId,
  madeBy: OwnerId,
});
export const LinkRevoked = event("drive.link-revoked", 1, { linkId: LinkId, sharedId: NodeId });

/** Locks are no changes of the node either. */
export const LockPlaced = event("drive.lock-placed", 1, {
  lockId: LockId,
  lockedId: NodeId,
  holderId: UserId,
});
export const LockRenewed = event("drive.lock-renewed", 1, { lockId: LockId, lockedId: NodeId });
export const LockReleased = event("drive.lock-released", 1, { lockId: LockId, lockedId: NodeId });

export const driveEvents = registry(
  SpaceOpened,
  SpaceRenamed,
  SpaceClosed,
  MemberInvited,
  InvitationEnded,
  MemberJoined,
  MemberRoleChanged,
  MemberLeft,
  FolderCreated,
  FileCreated,
  FileRevised,
  NodeMoved,
  RootRenamed,
  NodeTrashed,
  NodeRestored,
  NodePurged,
  FolderRewound,
  LinkCreated,
  LinkRevoked,
  LockPlaced,
  LockRenewed,
  LockReleased,
);
export type DriveEvent = EventOf<typeof driveEvents>;
