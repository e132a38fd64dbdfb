import { identifier, type Id } from "#kernel/id.ts";

export type SpaceId = Id<"space">;
export const SpaceId = identifier<SpaceId>("space");

/** A file or a folder. */
export type NodeId = Id<"node">;
export const NodeId = identifier<NodeId>("node");

/** Identity knows them. */
export type UserId = Id<"user">;
export const UserId = identifier<UserId>("user");

/** The user whose space it is. */
export type OwnerId = UserId;
export const OwnerId = identifier<OwnerId>("user");

/** Lets the owner of an email address join a space. */
export type InvitationId = Id<"invitation">;
export const InvitationId = identifier<InvitationId>("invitation");

/** Opens a file or a folder for whoever has it. */
export type LinkId = Id<"link">;
export const LinkId = identifier<LinkId>("link");

/** Says who works on a file or a folder. */
export type LockId = Id<"lock">;
export const LockId = identifier<LockId>("lock");

/** A content that arrives chunk by chunk. */
export type UploadId = Id<"upload">;
export const UploadId = identifier<UploadId>("upload");

/** A content that is put together before a file has it. */
export type StagingId = Id<"staging">;
export const StagingId = identifier<StagingId>("staging");

/** A file or an object in which chunks are kept. */
export type SegmentId = Id<"segment">;
export const SegmentId = identifier<SegmentId>("segment");
