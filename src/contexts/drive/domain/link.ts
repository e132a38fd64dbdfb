import type { Change } from "#kernel/change.ts";
import type { Instant } from "#kernel/instant.ts";
import { branded, oneOf, type Brand, type Infer } from "#kernel/shape.ts";
import { Version, type Versioned } from "#kernel/version.ts";
import { LinkCreated, LinkRevoked, type DriveEvent } from "./events.ts";
import type { LinkId, NodeId, OwnerId } from "./ids.ts";

/** What a link opens with, besides its token. It is no password of a user. */
export type LinkPassword = Brand<string, "LinkPassword">;
export const LinkPassword = branded<LinkPassword>("link password", {
  schema: { type: "string", format: "password", minLength: 8, maxLength: 128, writeOnly: true },
});
/** What is tried as the password of a link. */
export const TriedPassword = branded<LinkPassword>("password", {
  schema: { type: "string", format: "password", minLength: 1, maxLength: 128, writeOnly: true },
});
/** A slow hash in the PHC string format. */
export type LinkPasswordHash = Brand<string, "LinkPasswordHash">;

/** Downloads that a link allows. */
export type DownloadLimit = Brand<number, "DownloadLimit">;
export const DownloadLimit = branded<DownloadLimit>("number of downloads", {
  schema: { type: "integer", minimum: 1, maximum: 1_000_000 },
});

/** What a link is for: `read` opens contents, `preview` shows names and small pictures alone, `drop` takes files into a folder and shows nothing. */
export const LinkAllows = oneOf("read", "preview", "drop");
export type LinkAllows = Infer<typeof LinkAllows>;

/** Opens a file, or a folder with everything below it, for anybody who has its token. It ends when its maker may no longer read the node. */
export type Link = Versioned & {
  readonly id: LinkId;
  readonly nodeId: NodeId;
  readonly ownerId: OwnerId;
  readonly madeBy: OwnerId;
  readonly createdAt: Instant;
  readonly passwordHash?: LinkPasswordHash;
  readonly expiresAt?: Instant;
  /** Downloads that it allows, or files that it takes. */
  readonly maxDownloads?: DownloadLimit;
  readonly allows: LinkAllows;
};

/** Links to one node at most. */
export const maxLinks = 100;
/** Who has shown the password of a link need not do so again for so long. */
export const visitMs = 3_600_000;

export type TooManyLinks = { readonly type: "too-many-links"; readonly maxLinks: number };
/** There is none, it was revoked, or what it opens is gone. */
export type LinkNotFound = { readonly type: "link-not-found" };
export type LinkExpired = { readonly type: "link-expired"; readonly expiresAt: Instant };
export type LinkUsedUp = { readonly type: "link-used-up"; readonly maxDownloads: number };
/** The link needs a visit, which is given for its password; there is none, or its time has passed. */
export type VisitRequired = { readonly type: "visit-required" };
/** The link takes files, and shows none. */
export type DropsOnly = { readonly type: "link-drops-only" };
/** The link shows names and small pictures, and opens no content. */
export type PreviewsOnly = { readonly type: "link-previews-only" };
/** A link that opens no content limits no downloads. */
export type NoDownloads = { readonly type: "preview-without-downloads" };
/** The link shows files, and takes none. */
export type ReadsOnly = { readonly type: "link-reads-only" };
export type PasswordWrong = { readonly type: "password-wrong" };
export type ExpiryPast = { readonly type: "expiry-past"; readonly now: Instant };

export const Link = {
  create(link: Omit<Link, "version">): Change<Link, DriveEvent> {
    const { id: linkId, nodeId, madeBy } = link;
    return {
      state: { ...link, version: Version.none },
      events: [LinkCreated({ linkId, sharedId: nodeId, madeBy })],
    };
  },
  revoke(link: Link): Change<Link, DriveEvent> {
    return { state: link, events: [LinkRevoked({ linkId: link.id, sharedId: link.nodeId })] };
  },
};
