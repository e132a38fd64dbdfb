import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { LinkId, NodeId, OwnerId } from "../../domain/ids.ts";
import {
  DownloadLimit,
  Link,
  LinkAllows,
  LinkPassword,
  maxLinks,
  type ExpiryPast,
  type LinkNotFound,
  type NoDownloads,
  type TooManyLinks,
} from "../../domain/link.ts";
import { inTrash, isInTrash, type NodeInTrash, type NotAFolder } from "../../domain/node.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { TooBusy } from "../places.ts";
import type { LinkPasswords } from "../ports/links.ts";
import type { DriveScope } from "../ports/scope.ts";

export const CreateLink = shape({
  nodeId: NodeId,
  password: optional(LinkPassword),
  expiresAt: optional(Instant),
  maxDownloads: optional(DownloadLimit),
  allows: optional(LinkAllows),
});
export type CreateLink = Infer<typeof CreateLink>;

export const ListLinks = shape({ nodeId: NodeId });
export type ListLinks = Infer<typeof ListLinks>;

export const RevokeLink = shape({ linkId: LinkId });
export type RevokeLink = Infer<typeof RevokeLink>;

/** A link, and how often it was used; that is counted where it is limited. */
export type UsedLink = { readonly link: Link; readonly downloads: number };

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
  readonly linkPasswords: LinkPasswords;
};

/** Makes a link to a file or a folder. */
export function createLink(deps: Deps) {
  const { unitOfWork, clock, newId, linkPasswords } = deps;
  const seen = permitted(deps.mayAct, Permissions.shareNode);
  const changing = permitted(deps.mayAct, Permissions.changeNode);
  type Refused =
    | Unseen
    | NodeInTrash
    | NotAFolder
    | TooManyLinks
    | ExpiryPast
    | NoDownloads
    | TooBusy;
  type Outcome = Result<UsedLink, Refused | Conflict>;
  return async (
    { nodeId, password, expiresAt, maxDownloads, allows = "read" }: CreateLink,
    context: Context,
  ): Promise<Outcome> => {
    const now = clock.now();
    if (expiresAt !== undefined && expiresAt <= now) return err({ type: "expiry-past", now });
    if (allows === "preview" && maxDownloads !== undefined)
      return err({ type: "preview-without-downloads" });
    const first = await deps.read(context, (scope) => seen(scope, nodeId, context));
    // A repeated request may find nothing any more: its unit of work answers what the first one was told.
    if (!first.ok && context.idempotency === undefined) return first;
    // Whoever has the link changes the folder.
    const mayDropInto = async (scope: DriveScope, id: NodeId) => {
      const found = await changing(scope, id, context);
      return found.ok ? asFolder(found.value) : found;
    };
    const hashed = password === undefined ? ok(undefined) : await linkPasswords.hash(password);
    if (!hashed.ok) return hashed;
    const limits = {
      ...(hashed.value === undefined ? {} : { passwordHash: hashed.value }),
      ...(expiresAt === undefined ? {} : { expiresAt }),
      ...(maxDownloads === undefined ? {} : { maxDownloads }),
    };
    return unitOfWork(
      context,
      async (scope): Promise<Outcome> => {
        const found = await seen(scope, nodeId, context);
        if (!found.ok) return found;
        if (isInTrash(found.value)) return err(inTrash(found.value));
        const may = allows === "drop" ? await mayDropInto(scope, nodeId) : found;
        if (!may.ok) return may;
        const others = await scope.links.ofNode(nodeId, maxLinks);
        if (others.length === maxLinks) return err({ type: "too-many-links", maxLinks });
        const { ownerId } = found.value;
        const maker = OwnerId.parse(context.actor);
        const madeBy = maker.ok ? maker.value : ownerId;
        const link = { id: newId(LinkId), nodeId, ownerId, madeBy, createdAt: now };
        return ok({
          link: scope.links.save(Link.create({ ...link, allows, ...limits })),
          downloads: 0,
        });
      },
      { lock: [`drive.links/${nodeId}`] },
    );
  };
}

/** Lists the links to a file or a folder, the oldest first. */
export function listLinks({ read, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.shareNode);
  const changing = permitted(mayAct, Permissions.changeNode);
  return async (
    { nodeId }: ListLinks,
    context: Context,
  ): Promise<Result<readonly UsedLink[], Unseen>> =>
    read(context, async (scope) => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const all = await scope.links.ofNode(nodeId, maxLinks);
      // Whoever has the token of one that takes files changes the folder.
      const mayDrop = (await changing(scope, nodeId, context)).ok;
      const links = all.filter(({ allows }) => mayDrop || allows !== "drop");
      const used = links.map(async (link) => ({
        link,
        downloads: await scope.links.downloads(link.id),
      }));
      return ok(await Promise.all(used));
    });
}

/** Ends a link at once. */
export function revokeLink({ unitOfWork, mayAct }: Deps) {
  const seen = permitted(mayAct, Permissions.shareNode);
  type Outcome = Result<void, LinkNotFound | Forbidden | Conflict>;
  return async ({ linkId }: RevokeLink, context: Context): Promise<Outcome> =>
    unitOfWork(context, async (scope): Promise<Outcome> => {
      const link = await scope.links.byId(linkId);
      if (!link) return err({ type: "link-not-found" });
      const found = await seen(scope, link.nodeId, context);
      if (!found.ok)
        return err(found.error.type === "forbidden" ? found.error : { type: "link-not-found" });
      scope.links.revoke(Link.revoke(link));
      return ok(undefined);
    });
}
