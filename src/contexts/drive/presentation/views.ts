import { Instant } from "#kernel/instant.ts";
import { codeOf } from "#platform/http/problem.ts";
import { Count, Flag, text } from "#kernel/scalars.ts";
import { described, list, named, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { ChildCursor, NodePageSize, TrashCursor } from "../application/nodes/read-nodes.ts";
import {
  ChangeCursor,
  ChangePageSize,
  type ChangePage,
} from "../application/changes/list-changes.ts";
import type { EntryResult } from "../application/content/place-entries.ts";
import { maxEntries, maxEntryPath } from "../application/content/receive-archive.ts";
import { RevisionPageSize } from "../application/content/revisions.ts";
import { toldInvitations, type Invited } from "../application/spaces/invitations.ts";
import type { SeenNode } from "../application/ports/nodes.ts";
import { ChunkRange, rangesOf } from "../application/uploads/receive-chunks.ts";
import { toldChunks, type UploadProgress } from "../application/uploads/upload-progress.ts";
import type { RevisionFacts } from "../application/ports/revisions.ts";
import { ByteCount, MediaType, RevisionNumber, Sha256 } from "../domain/content.ts";
import { InvitationId, NodeId, OwnerId, SpaceId, UploadId, UserId } from "../domain/ids.ts";
import { NodeName } from "../domain/node-name.ts";
import type { Node } from "../domain/node.ts";
import type { Past } from "../domain/rewind.ts";
import { Address, type Invitation } from "../domain/invitation.ts";
import { FoundPageSize, type FoundNodes } from "../application/nodes/search-nodes.ts";
import type { UsageOfOwner } from "../application/spaces/usage.ts";
import { MemberRole } from "../domain/member-role.ts";
import { maxMembers, maxMemberships, maxSpaces, type SeenSpace } from "../domain/space.ts";

export const SpaceView = named(
  "Space",
  shape({
    id: SpaceId,
    ownerId: described("The user whose space it is", OwnerId),
    name: described("The name of the space, and of its root", NodeName),
    rootId: described("The folder that everything in the space lies in", NodeId),
    openedAt: described("When it was opened", Instant),
    role: optional(
      described("What the caller is in the space", oneOf("owner", "editor", "viewer")),
    ),
  }),
);
/** Members are listed by themselves. */
export const toSpace = ({ id, ownerId, name, rootId, openedAt, role: own }: SeenSpace) => ({
  id,
  ownerId,
  name,
  rootId,
  openedAt,
  ...(own === undefined ? {} : { role: own }),
});
export const SpacesView = named(
  "Spaces",
  shape({ items: list(SpaceView, maxSpaces + maxMemberships) }),
);

export const UsageView = named(
  "Usage",
  shape({
    usedBytes: described("Bytes that the spaces of the caller have", Count),
    stagedBytes: described("Bytes of unfinished uploads, which no space has yet", Count),
    quotaBytes: optional(described("Bytes that they may have", Count)),
  }),
);
export const toUsage = ({ usedBytes, stagedBytes, quotaBytes }: UsageOfOwner) => ({
  usedBytes,
  stagedBytes,
  ...(quotaBytes === undefined ? {} : { quotaBytes }),
});

const role = described(
  "A `viewer` reads what is in the space; an `editor` changes and shares it, too",
  MemberRole,
);
export const MemberView = named(
  "Member",
  shape({ userId: UserId, role, joinedAt: described("When they joined", Instant) }),
);
export const MembersView = named("Members", shape({ items: list(MemberView, maxMembers) }));

const invitation = {
  id: InvitationId,
  spaceId: SpaceId,
  role,
  invitedBy: described("The user who invites", UserId),
  createdAt: described("When it was made", Instant),
  expiresAt: described("Until when it can be accepted", Instant),
};
export const InvitationView = named(
  "Invitation",
  shape({ ...invitation, email: described("Whoever has verified it may join", Address) }),
);
export const InvitationsView = named(
  "Invitations",
  shape({ items: list(InvitationView, maxMembers) }),
);
export const toInvitation = ({ version: _version, ...told }: Invitation) => told;
export const OwnInvitationsView = named(
  "OwnInvitations",
  shape({
    items: list(
      named(
        "OwnInvitation",
        shape({ ...invitation, spaceName: described("The name of the space", NodeName) }),
      ),
      toldInvitations,
    ),
  }),
);
export const toOwnInvitation = ({ invitation: one, space: { name: spaceName } }: Invited) => {
  const { version: _version, email: _email, ...told } = one;
  return { ...told, spaceName };
};

/** What is told of the content of a file. */
const held = {
  size: described("Bytes of a file", ByteCount),
  hash: described("SHA-256 of a file, in hexadecimal", Sha256),
  mediaType: described(
    "What kind of bytes a file has, as its beginning shows; `text/plain` is text of any kind",
    MediaType,
  ),
  modifiedAt: described(
    "When the content was last changed, as its sender says, or else when it came",
    Instant,
  ),
};
/** Folders have none. */
export const content = {
  size: optional(held.size),
  hash: optional(held.hash),
  mediaType: optional(held.mediaType),
  modifiedAt: optional(held.modifiedAt),
};

export const NodeView = named(
  "Node",
  shape({
    id: NodeId,
    spaceId: SpaceId,
    kind: described(
      "Files alone have `revision`, `size`, `hash`, `mediaType` and `modifiedAt`",
      oneOf("folder", "file"),
    ),
    name: described("As it was spelled", NodeName),
    parentId: optional(described("The folder it lies in; the root of a space has none", NodeId)),
    revision: optional(described("Counts the contents of a file, from 1", RevisionNumber)),
    ...content,
    createdAt: described("When it was made", Instant),
    changedAt: described(
      "When it was last renamed, moved, trashed, restored or given a content",
      Instant,
    ),
    trashedAt: optional(described("When it was put in the trash by itself", Instant)),
    version: described("Counts the changes of the node, moves included; for `If-Match`", Version),
  }),
);
type NodeView = Infer<typeof NodeView>;

export const toNode = ({ id, spaceId, kind, name, createdAt, changedAt, version, ...more }: Node) =>
  ({
    id,
    spaceId,
    kind,
    name,
    ...("parentId" in more ? { parentId: more.parentId } : {}),
    ...("content" in more ? more.content : {}),
    createdAt,
    changedAt,
    ...("trashedAt" in more ? { trashedAt: more.trashedAt } : {}),
    version,
  }) satisfies NodeView;

const maxCode = 64;
const EntryView = named(
  "ArchiveEntry",
  shape({
    path: described("As the archive spells it", text(maxEntryPath)),
    outcome: oneOf("created", "unchanged", "refused"),
    node: optional(NodeView),
    code: optional(described("Why it was refused, as in `NAME_TAKEN`", text(maxCode))),
    takenBy: optional(described("The file or folder that has its place", NodeId)),
  }),
);
export const EntriesView = named("ArchiveEntries", shape({ items: list(EntryView, maxEntries) }));
export const toEntry = (one: EntryResult) => {
  const { path, outcome } = one;
  if (one.outcome !== "refused") return { path, outcome, node: toNode(one.node) };
  const { type, ...details } = one.refusal;
  const takenBy =
    "takenBy" in details ? details.takenBy : "nodeId" in details ? details.nodeId : undefined;
  const code = codeOf(type);
  return { path, outcome, code, ...(takenBy === undefined ? {} : { takenBy }) };
};

export const SeenNodeView = named(
  "SeenNode",
  shape({
    ...NodeView.fields,
    inTrash: described("Whether the node, or a folder above it, is in the trash", Flag),
  }),
);
export const toSeenNode = ({ node, inTrash }: SeenNode) => ({ ...toNode(node), inTrash });

const FoundNodeView = named(
  "FoundNode",
  shape({
    ...NodeView.fields,
    path: described("Where it lies in the space, as in `/Photos/a.jpg`", text(maxEntryPath)),
  }),
);
export const FoundView = named(
  "FoundNodes",
  shape({
    items: list(FoundNodeView, FoundPageSize.most),
    isComplete: described("Whether there are no others", Flag),
  }),
);
export const toFound = ({ items, isComplete }: FoundNodes) => ({
  items: items.map(({ node, above }) => ({
    ...toNode(node),
    path: `/${[...above, node.name].join("/")}`,
  })),
  isComplete,
});

export const ChildrenView = named(
  "Children",
  shape({ items: list(NodeView, NodePageSize.most), nextCursor: optional(ChildCursor) }),
);
export const TrashView = named(
  "Trash",
  shape({ items: list(NodeView, NodePageSize.most), nextCursor: optional(TrashCursor) }),
);

const PastNodeView = named(
  "PastNode",
  shape({
    id: NodeId,
    kind: NodeView.fields.kind,
    name: described("The name that it had", NodeName),
    parentId: described("The folder that it lay in", NodeId),
    revision: optional(described("The revision that a file had", RevisionNumber)),
    ...content,
  }),
);
export const PastView = named(
  "Past",
  shape({ items: list(PastNodeView, NodePageSize.most), nextCursor: optional(ChildCursor) }),
);
export const toPast = ({ node: { id, kind }, name, parentId, content }: Past) => ({
  id,
  kind,
  name,
  parentId,
  ...(content === undefined ? {} : content),
});
export const RewoundView = named(
  "Rewound",
  shape({
    restored: described("Came back from the trash, by themselves or with a folder", Count),
    moved: described("Were moved or renamed back, besides those", Count),
    revised: described("Got the content that they had", Count),
    copied: described(
      "Were copied, because the originals were moved out of the folder and stay where they are",
      Count,
    ),
    trashed: described(
      "Went to the trash, by themselves or with a folder, since they were not there",
      Count,
    ),
  }),
);

const RevisionView = named(
  "Revision",
  shape({
    revision: described("Counts the contents of a file, from 1", RevisionNumber),
    ...held,
    createdAt: described("When the file was given this content", Instant),
  }),
);
export const RevisionsView = named(
  "Revisions",
  shape({ items: list(RevisionView, RevisionPageSize.most), nextCursor: optional(RevisionNumber) }),
);
export const toRevision = ({ nodeId: _nodeId, ...told }: RevisionFacts) => told;

export const UploadView = named(
  "Upload",
  shape({
    id: UploadId,
    size: described("Bytes of the content", ByteCount),
    hash: described("SHA-256 of the content, in hexadecimal", Sha256),
    expiresAt: described("Until when it can be gone on with", Instant),
    missing: described(
      "Chunks that are to be sent, by their places among the chunks of the content, from 0",
      list(ChunkRange, toldChunks),
    ),
    nodeId: optional(described("The file, once the upload was committed", NodeId)),
  }),
);
export const toUpload = ({ upload, missing }: UploadProgress) => {
  const { id, size, hash, expiresAt, nodeId } = upload;
  const node = nodeId === undefined ? {} : { nodeId };
  return { id, size, hash, expiresAt, missing: rangesOf(missing), ...node };
};

export const ChangesView = named(
  "Changes",
  shape({
    items: list(SeenNodeView, ChangePageSize.most),
    purged: described(
      "Files and folders that were deleted for good, with all that lay below them",
      list(NodeId, ChangePageSize.most),
    ),
    nextCursor: described("Where the next changes begin", ChangeCursor),
    hasMore: described("Whether there are more changes now", Flag),
  }),
);
export const toChanges = ({ items, ...page }: ChangePage) => ({
  ...page,
  items: items.map(toSeenNode),
});
