import { withDigest, type Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { handedOver, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { NodeId } from "../../domain/ids.ts";
import {
  inTrash,
  isInTrash,
  type Folder,
  type NodeInTrash,
  type NotAFolder,
} from "../../domain/node.ts";
import { asFolder, lockOfTree, permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { KeepingDeps } from "./keep-chunks.ts";
import { roomFor, type Quota, type QuotaExceeded } from "./quota.ts";
import { placeEntries, type EntryResult } from "./place-entries.ts";
import {
  maxArchiveBytes,
  receiveArchive,
  type ArchiveInvalid,
  type TooManyEntries,
  type UploadedArchive,
} from "./receive-archive.ts";
import { stepMs } from "./write-file.ts";

const content = handedOver<UploadedArchive>("archive", {
  type: "string",
  format: "binary",
  maxLength: maxArchiveBytes,
  description: "A tar archive",
});

export const CreateFiles = shape({ nodeId: NodeId, content });
export type CreateFiles = Infer<typeof CreateFiles>;

type Deps = KeepingDeps & Quota & { readonly mayAct: MayAct; readonly newId: NewId };
type Refused = Unseen | NotAFolder | NodeInTrash;

/** Creates the files and folders of an archive in a folder, all that can be in one unit of work. */
export function createFiles(deps: Deps) {
  const { read, unitOfWork, clock, newId, quotaBytes } = deps;
  const seen = permitted(deps.mayAct, Permissions.changeNode);

  async function open(
    scope: DriveScope,
    nodeId: NodeId,
    context: Context,
  ): Promise<Result<Owned<Folder>, Refused>> {
    const found = await seen(scope, nodeId, context);
    if (!found.ok) return found;
    if (isInTrash(found.value)) return err(inTrash(found.value));
    return asFolder(found.value);
  }

  type Outcome = Result<
    readonly EntryResult[],
    Refused | TooManyEntries | ArchiveInvalid | QuotaExceeded | Conflict
  >;
  return async (
    { nodeId, content: uploaded }: CreateFiles,
    { idempotency, ...context }: Context,
  ): Promise<Outcome> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const may = await read(step(), (scope) => open(scope, nodeId, context));
    if (!may.ok) return may;
    const arrived = await uploaded.receive((archive) => receiveArchive(deps, archive, step));
    if (!arrived.ok) return arrived;
    const { entries, fresh } = arrived.value;
    const same = idempotency ? { idempotency: withDigest(idempotency, uploaded.digest()) } : {};
    const keep = async (scope: DriveScope): Promise<Outcome> => {
      const folder = await open(scope, nodeId, context);
      if (!folder.ok) return folder;
      const at = clock.now();
      const placed = await placeEntries(scope.nodes, folder.value, entries, { newId, at });
      if (!placed.ok) return placed;
      const { results, created, contents } = placed.value;
      const told = contents.map(({ file }) => file.content);
      const room = await roomFor(scope, { ...folder.value, contents: told, quotaBytes });
      if (!room.ok) return room;
      scope.nodes.saveAll(folder.value.node, { changed: [], created, at });
      scope.chunks.add(fresh, at);
      scope.revisions.add(
        contents.map(({ file: { id, content: held }, manifest }) => ({
          ...held,
          nodeId: id,
          manifest,
          createdAt: at,
        })),
      );
      room.value.claim();
      return ok(results);
    };
    const lock = [lockOfTree(may.value.node.spaceId)];
    return unitOfWork({ ...step(), ...same }, keep, { lock });
  };
}
