import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { handedOver, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import type { LinkUsedUp, ReadsOnly } from "../../domain/link.ts";
import { NodeName } from "../../domain/node-name.ts";
import type { PlacedFile } from "../../domain/node.ts";
import type { Quota, QuotaExceeded } from "../content/quota.ts";
import type { FileTooLarge, Received, UploadedFile } from "../content/receive-content.ts";
import { keepNumbered, writing } from "../content/write-file.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import {
  asMaker,
  LinkToken,
  notFound,
  opened,
  VisitText,
  type FollowingDeps,
  type Opened,
  type Unopened,
} from "./follow-links.ts";

/** Bytes of a file of a stranger. */
export const maxDroppedBytes = 2 ** 30;

export const DropFile = shape({
  link: LinkToken,
  visit: optional(VisitText),
  name: NodeName,
  content: handedOver<UploadedFile>("file", {
    type: "string",
    format: "binary",
    maxLength: maxDroppedBytes,
    description: "The bytes of the file",
  }),
});
export type DropFile = Infer<typeof DropFile>;

/** The owner of the folder may keep no more. */
type FolderFull = { readonly type: "folder-full" };

/** Puts a file into the folder of a link that takes files. If its name is taken, it gets a number, since a refusal would tell what is in the folder. */
export function dropFile(deps: FollowingDeps & Quota) {
  const { read, clock, newId, quotaBytes } = deps;
  const write = writing(deps);
  type Refused = Unopened | ReadsOnly | LinkUsedUp;
  type Outcome = Result<PlacedFile, Refused | FileTooLarge | FolderFull | Conflict>;

  async function kept(
    scope: DriveScope,
    { parent, name, received }: { parent: Owned; name: NodeName; received: Received },
  ): Promise<Result<PlacedFile, Unopened | QuotaExceeded>> {
    const file = { id: newId(NodeId), name, createdAt: clock.now(), received, quotaBytes };
    const made = await keepNumbered(scope, parent, file);
    if (made.ok) return made;
    return made.error.type === "quota-exceeded" ? err(made.error) : notFound();
  }

  return async ({ name, content, ...asked }: DropFile, context: Context): Promise<Outcome> => {
    const mayDrop = async (scope: DriveScope): Promise<Result<Opened, Unopened | ReadsOnly>> => {
      const found = await opened(deps, scope, asked, context);
      return found.ok && found.value.link.allows !== "drop"
        ? err({ type: "link-reads-only" })
        : found;
    };
    const open = await read(context, mayDrop);
    if (!open.ok) return open;
    const { link } = open.value;
    const { maxDownloads } = link;
    const hasRoom = async ({ links }: DriveScope): Promise<Result<void, LinkUsedUp>> =>
      maxDownloads !== undefined && (await links.downloads(link.id)) >= maxDownloads
        ? err({ type: "link-used-up", maxDownloads })
        : ok(undefined);
    const to = { nodeId: link.nodeId, content };
    const written = await write<PlacedFile, Refused | QuotaExceeded>(to, asMaker(context, link), {
      mayKeep: hasRoom,
      keep: async (scope, parent, received) => {
        const still = await mayDrop(scope);
        if (!still.ok) return still;
        const room = await hasRoom(scope);
        if (!room.ok) return room;
        const file = await kept(scope, { parent, name, received });
        if (file.ok && maxDownloads !== undefined)
          scope.links.countDownload(link.id, newId(NodeId), file.value.id);
        return file;
      },
      lock: maxDownloads === undefined ? [] : [`drive.link/${link.id}`],
    });
    if (written.ok) return written;
    const { error } = written;
    // What the maker of a link may not see or change any more, strangers are not told of.
    if (error.type === "node-not-found" || error.type === "forbidden") return notFound();
    // A stranger learns no figures of the owner.
    return err(error.type === "quota-exceeded" ? { type: "folder-full" } : error);
  };
}
