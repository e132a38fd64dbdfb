import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import type { Page } from "#kernel/page.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { branded, optional, shape, type Brand, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import {
  TriedPassword,
  visitMs,
  type DropsOnly,
  type Link,
  type LinkAllows,
  type LinkExpired,
  type LinkNotFound,
  type LinkUsedUp,
  type PasswordWrong,
  type PreviewsOnly,
  type VisitRequired,
} from "../../domain/link.ts";
import { isInTrash, type NotAFile, type NotAFolder, type Placed } from "../../domain/node.ts";
import type { NameKey } from "../../domain/node-name.ts";
import type { KeepingDeps } from "../content/keep-chunks.ts";
import { readArchive } from "../content/read-archive.ts";
import { readFile } from "../content/read-file.ts";
import type { RevisionNotFound } from "../content/revisions.ts";
import {
  ofLinks,
  thumbnailing,
  ThumbnailSize,
  type NoThumbnail,
  type PicturingDeps,
  type SmallPicture,
} from "../content/thumbnails.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { ChildCursor, listChildren, NodePageSize } from "../nodes/read-nodes.ts";
import { Permissions } from "../permission.ts";
import type { Ending, TooBusy } from "../places.ts";
import type { LinkPasswords, LinkTokens } from "../ports/links.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";

export type LinkToken = Brand<string, "LinkToken">;
export const LinkToken = branded<LinkToken>("link token", {
  schema: { type: "string", pattern: "^[\\w.-]+$", maxLength: 120 },
  says: "the token of a link",
});
export type VisitText = Brand<string, "VisitText">;
export const VisitText = branded<VisitText>("visit", {
  schema: { type: "string", pattern: "^[\\w.-]+$", maxLength: 250 },
  says: "what `POST /drive/shared/{link}/visits` has answered",
});

export const VisitLink = shape({ link: LinkToken, password: optional(TriedPassword) });
export type VisitLink = Infer<typeof VisitLink>;

/** What the link opens, unless a file or a folder below it is said. */
const within = { link: LinkToken, visit: optional(VisitText), nodeId: optional(NodeId) };
export const GetShared = shape(within);
export type GetShared = Infer<typeof GetShared>;

export const ListShared = shape({
  ...within,
  limit: optional(NodePageSize),
  cursor: optional(ChildCursor),
});
export type ListShared = Infer<typeof ListShared>;

export type FollowingDeps = KeepingDeps & {
  readonly mayAct: MayAct;
  readonly newId: NewId;
  readonly linkPasswords: LinkPasswords;
  readonly linkTokens: LinkTokens;
};

type Closed = LinkNotFound | LinkExpired;
export type Unopened = Closed | VisitRequired;
export const notFound = () => err<LinkNotFound>({ type: "link-not-found" });

/** Those who follow a link see what its maker may see. */
export const asMaker = (
  { deadlineMs, correlationId, origin }: Context,
  { madeBy }: Link,
): Context => ({
  actor: madeBy,
  deadlineMs,
  correlationId,
  ...(origin ? { origin } : {}),
});

/** The link of a token, if it is one that has not ended. */
async function linkOf(
  { linkTokens, clock }: Pick<FollowingDeps, "linkTokens" | "clock">,
  { links }: DriveScope,
  token: LinkToken,
): Promise<Result<Link, Closed>> {
  const id = linkTokens.linkIn(token);
  const link = id && (await links.byId(id));
  if (!link) return notFound();
  const { expiresAt } = link;
  if (expiresAt !== undefined && expiresAt <= clock.now())
    return err({ type: "link-expired", expiresAt });
  return ok(link);
}

export type Opened = {
  readonly link: Link;
  readonly found: Owned;
  readonly visit: string | undefined;
};

/** What a link opens, for who may see it: by its token, and by a visit where it has a password. */
export async function opened(
  deps: FollowingDeps,
  scope: DriveScope,
  { link: token, visit: text, nodeId }: GetShared,
  context: Context,
): Promise<Result<Opened, Unopened>> {
  const found = await linkOf(deps, scope, token);
  if (!found.ok) return found;
  const link = found.value;
  const shown = text === undefined ? undefined : deps.linkTokens.visitIn(text);
  const visit =
    shown?.linkId === link.id && shown.untilMs > deps.clock.unixMs() ? shown.name : undefined;
  const isClosed = link.passwordHash !== undefined || text !== undefined;
  if (isClosed && visit === undefined) return err({ type: "visit-required" });
  const seen = permitted(deps.mayAct, Permissions.readNode);
  const node = await seen(scope, nodeId ?? link.nodeId, asMaker(context, link));
  if (!node.ok || isInTrash(node.value)) return notFound();
  const isBelow =
    node.value.node.id === link.nodeId || node.value.above.some(({ id }) => id === link.nodeId);
  return isBelow ? ok({ link, found: node.value, visit }) : notFound();
}

/** The same, besides links that take files alone. */
async function readable(
  ...asked: Parameters<typeof opened>
): Promise<Result<Opened, Unopened | DropsOnly>> {
  const found = await opened(...asked);
  return found.ok && found.value.link.allows === "drop" ? err({ type: "link-drops-only" }) : found;
}

export type Visited = { readonly visit: VisitText; readonly until: Instant };

/** Begins a visit of a link, for its password if it has one. */
export function visitLink(deps: FollowingDeps) {
  const { read, clock, newId, linkPasswords, linkTokens } = deps;
  type Outcome = Result<Visited, Closed | PasswordWrong | TooBusy>;
  return async ({ link: token, password }: VisitLink, context: Context): Promise<Outcome> => {
    const found = await read(context, (scope) => linkOf(deps, scope, token));
    if (!found.ok) return found;
    const { id: linkId, passwordHash } = found.value;
    if (passwordHash !== undefined) {
      if (password === undefined) return err({ type: "password-wrong" });
      const matches = await linkPasswords.matches(password, passwordHash);
      if (!matches.ok) return matches;
      if (!matches.value) return err({ type: "password-wrong" });
    }
    const untilMs = clock.unixMs() + visitMs;
    const visit = linkTokens.visitOf({ linkId, name: newId(NodeId), untilMs }) as VisitText;
    return ok({ visit, until: Instant.fromUnixMs(untilMs) });
  };
}

export type Shared = { readonly node: Owned["node"]; readonly allows: LinkAllows };

/** Returns the file or the folder that a link opens, or one below it. Of a link that takes files, only its folder is told. */
export const getShared =
  (deps: FollowingDeps) =>
  async (input: GetShared, context: Context): Promise<Result<Shared, Unopened | DropsOnly>> =>
    deps.read(context, async (scope) => {
      const open = input.nodeId === undefined ? opened : readable;
      const found = await open(deps, scope, input, context);
      if (!found.ok) return found;
      const { link, found: shared } = found.value;
      return ok({ node: shared.node, allows: link.allows });
    });

export type SharedPage = Page<Placed, NameKey> & { readonly allows: LinkAllows };

/** Lists a folder that a link opens, or one below it. */
export function listShared(deps: FollowingDeps) {
  const list = listChildren(deps);
  type Outcome = Result<SharedPage, Unopened | DropsOnly | NotAFolder>;
  return async ({ limit, cursor, ...input }: ListShared, context: Context): Promise<Outcome> => {
    const found = await deps.read(context, (scope) => readable(deps, scope, input, context));
    if (!found.ok) return found;
    const { node } = found.value.found;
    const page = {
      nodeId: node.id,
      ...(limit === undefined ? {} : { limit }),
      ...(cursor === undefined ? {} : { cursor }),
    };
    const listed = await list(page, asMaker(context, found.value.link));
    if (listed.ok) return ok({ ...listed.value, allows: found.value.link.allows });
    return listed.error.type === "not-a-folder" ? (listed as Outcome) : notFound();
  };
}

/** What the maker of a link may not see any more, strangers are not told of. */
type Hidden = Unseen | RevisionNotFound;
const hidden: readonly string[] = ["node-not-found", "forbidden", "revision-not-found"];

/** Reads what a link opens as its maker. Where downloads are limited, one counts once for each visit, and each time without a visit. */
function downloading<V, R extends { readonly type: string }, K extends "file" | "folder">(
  deps: FollowingDeps,
  wanted: K,
  readAsMaker: (input: { readonly nodeId: NodeId }, context: Context) => Promise<Result<V, R>>,
) {
  type OtherKind = { readonly type: `not-a-${K}`; readonly nodeId: NodeId };
  const { unitOfWork, newId } = deps;
  type Unread = Unopened | DropsOnly | PreviewsOnly | LinkUsedUp | OtherKind;
  type Counted = Result<Opened, Unread>;

  const counted = async (
    scope: DriveScope,
    input: GetShared,
    context: Context,
  ): Promise<Counted> => {
    const found = await readable(deps, scope, input, context);
    if (!found.ok) return found;
    const { link, visit } = found.value;
    if (link.allows === "preview") return err({ type: "link-previews-only" });
    const { id: nodeId, kind } = found.value.found.node;
    if (kind !== wanted) return err({ type: `not-a-${wanted}`, nodeId });
    const { maxDownloads } = link;
    if (maxDownloads === undefined) return found;
    if (visit !== undefined && (await scope.links.hasDownloaded(link.id, visit, nodeId)))
      return found;
    if ((await scope.links.downloads(link.id)) >= maxDownloads)
      return err({ type: "link-used-up", maxDownloads });
    scope.links.countDownload(link.id, visit ?? newId(NodeId), nodeId);
    return found;
  };

  type Told = Exclude<R, Hidden>;
  type Outcome = Result<V, Unread | Told | Conflict>;
  return async (input: GetShared, context: Context): Promise<Outcome> => {
    const link = await deps.read(context, (scope) => linkOf(deps, scope, input.link));
    if (!link.ok) return link;
    const isLimited = link.value.maxDownloads !== undefined;
    const may = isLimited
      ? await unitOfWork(context, (scope) => counted(scope, input, context), {
          lock: [`drive.link/${link.value.id}`],
        })
      : await deps.read(context, (scope) => counted(scope, input, context));
    if (!may.ok) return may;
    const nodeId = may.value.found.node.id;
    const read = await readAsMaker({ nodeId }, asMaker(context, link.value));
    return read.ok || !hidden.includes(read.error.type) ? (read as Result<V, Told>) : notFound();
  };
}

/** Many pictures are no larger than the largest thumbnail: a link for previews would give them away. */
const previewSize: ThumbnailSize = "256";

export const ReadSharedThumbnail = shape({ ...within, size: optional(ThumbnailSize) });
export type ReadSharedThumbnail = Infer<typeof ReadSharedThumbnail>;

/** Reads a small picture of a file that a link opens. That is no download. */
export function readSharedThumbnail(deps: FollowingDeps & PicturingDeps) {
  const open = readFile(deps);
  const thumbnail = thumbnailing(deps, ofLinks);
  type Outcome = Result<SmallPicture, Unopened | DropsOnly | NotAFile | NoThumbnail | TooBusy>;
  return async (
    { size, ending, ...input }: ReadSharedThumbnail & Ending,
    context: Context,
  ): Promise<Outcome> => {
    const found = await deps.read(context, (scope) => readable(deps, scope, input, context));
    if (!found.ok) return found;
    const { link, found: shared } = found.value;
    const file = await open({ nodeId: shared.node.id }, asMaker(context, link));
    if (!file.ok) return hidden.includes(file.error.type) ? notFound() : (file as Outcome);
    const most = link.allows === "preview" && size === "1024" ? previewSize : size;
    return thumbnail(file.value, { size: most, who: link.id, ending }, asMaker(context, link));
  };
}

/** Reads a file that a link opens. */
export const readShared = (deps: FollowingDeps) => downloading(deps, "file", readFile(deps));

/** Reads a folder that a link opens, with all that lies below it. */
export const readSharedArchive = (deps: FollowingDeps) =>
  downloading(deps, "folder", readArchive(deps));
