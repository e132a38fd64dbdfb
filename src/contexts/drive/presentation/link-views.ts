import { Instant } from "#kernel/instant.ts";
import { Count, Flag } from "#kernel/scalars.ts";
import { described, list, named, oneOf, optional, shape } from "#kernel/shape.ts";
import { LinkToken, VisitText, type Shared } from "../application/links/follow-links.ts";
import type { UsedLink } from "../application/links/manage-links.ts";
import { ChildCursor, NodePageSize } from "../application/nodes/read-nodes.ts";
import { ByteCount, newContentOf, Sha256 } from "../domain/content.ts";
import { LinkId, NodeId, OwnerId } from "../domain/ids.ts";
import { DownloadLimit, LinkAllows, maxLinks } from "../domain/link.ts";
import { NodeName } from "../domain/node-name.ts";
import type { Node, PlacedFile } from "../domain/node.ts";
import { content } from "./views.ts";

export const LinkView = named(
  "Link",
  shape({
    id: LinkId,
    nodeId: described("The file or the folder that it opens", NodeId),
    token: described("What it is followed with: `/drive/shared/{link}`", LinkToken),
    hasPassword: described("Whether it needs a visit", Flag),
    expiresAt: optional(described("When it ends", Instant)),
    allows: described(
      "`read` opens contents, `preview` shows names and small pictures, `drop` takes files",
      LinkAllows,
    ),
    maxDownloads: optional(
      described("Downloads that it allows, or files that it takes", DownloadLimit),
    ),
    downloads: described("Downloads or files so far, where they are limited", Count),
    madeBy: described("The user who made it", OwnerId),
    createdAt: described("When it was made", Instant),
  }),
);
export const LinksView = named("Links", shape({ items: list(LinkView, maxLinks) }));
export const toLink = ({ link, downloads }: UsedLink, token: string) => {
  const { passwordHash, ownerId: _ownerId, version: _version, ...told } = link;
  const hasPassword = passwordHash !== undefined;
  const shown = { token: token as LinkToken, hasPassword, downloads };
  return { ...told, ...shown };
};
export const VisitView = named(
  "Visit",
  shape({
    visit: described("Is sent along as the query parameter `visit`", VisitText),
    until: described("When it ends", Instant),
  }),
);

/** What strangers see of a file or a folder. */
export const SharedView = named(
  "Shared",
  shape({
    id: NodeId,
    kind: oneOf("folder", "file"),
    name: NodeName,
    ...content,
    changedAt: described("When it was last changed", Instant),
    allows: optional(described("What the link is for, as it was made", LinkAllows)),
  }),
);
/** A stranger is not told under which name it lies there, or as what. */
export const DroppedView = named(
  "Dropped",
  shape({ size: described("Bytes of the file", ByteCount), hash: Sha256 }),
);
export const toDropped = ({ content: { size, hash } }: PlacedFile) => ({ size, hash });
export const toOpened = ({ node, allows }: Shared) => ({ ...toShared(node, allows), allows });
/** A short content could be guessed by its hash, which a link for previews keeps to itself. */
export const toShared = (node: Node, allows: LinkAllows) => {
  const { id, kind, name, changedAt } = node;
  const { hash, ...told } = node.kind === "file" ? newContentOf(node.content) : {};
  const proof = hash === undefined || allows === "preview" ? {} : { hash };
  return { id, kind, name, ...told, ...proof, changedAt };
};
export const SharedChildrenView = named(
  "SharedChildren",
  shape({ items: list(SharedView, NodePageSize.most), nextCursor: optional(ChildCursor) }),
);
