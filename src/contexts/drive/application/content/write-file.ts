import { withDigest, type Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { described, handedOver, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { Version } from "#kernel/version.ts";
import { conflictedName } from "../../domain/conflicted-name.ts";
import { maxFileBytes, newContentOf, RevisionNumber } from "../../domain/content.ts";
import { NodeId, OwnerId } from "../../domain/ids.ts";
import { nameKey, NodeName } from "../../domain/node-name.ts";
import {
  asWritable,
  Node,
  type PlacedFile,
  type StaleRevision,
  type Unwritable,
} from "../../domain/node.ts";
import { roomFor, roomLeft, type Quota, type QuotaExceeded } from "./quota.ts";
import { placeFor, type NoPlace } from "../nodes/place-for.ts";
import { asFolder, permitted, type Unseen } from "../nodes/located.ts";
import { stagingLock } from "../stagings/stagings.ts";
import { Permissions } from "../permission.ts";
import type { Owned } from "../ports/nodes.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { KeepingDeps } from "./keep-chunks.ts";
import {
  receiveContent,
  type FileTooLarge,
  type KeptFile,
  type Received,
  type UploadedFile,
} from "./receive-content.ts";

const content = handedOver<UploadedFile | KeptFile>("file", {
  type: "string",
  format: "binary",
  maxLength: maxFileBytes,
  description: "The bytes of the file",
});

export const ModifiedAt = described(
  "When the content was last changed where it comes from; now by default",
  Instant,
);
/**
 * What becomes of a new file whose name is taken: it is refused, unless it is to get another name, as in `photo (2).jpg`, or its content is to be the next one
 * of the file that has the name.
 */
export const IfNameTaken = oneOf("refuse", "number", "replace");
export type IfNameTaken = Infer<typeof IfNameTaken>;

/** `modifiedAt`: when the bytes were last changed where they come from; now, unless it is said. */
export const CreateFile = shape({
  nodeId: NodeId,
  name: NodeName,
  modifiedAt: optional(ModifiedAt),
  ifTaken: optional(IfNameTaken),
  content,
});
export type CreateFile = Infer<typeof CreateFile>;

/** What becomes of a change of a revision that is not the newest: it is refused, unless a copy beside the file is wanted. */
export const IfStale = oneOf("refuse", "copy");
export type IfStale = Infer<typeof IfStale>;

/** `expectedVersion`: the revision that the new content is based on. */
export const ReviseFile = shape({
  nodeId: NodeId,
  expectedVersion: Version,
  ifStale: optional(IfStale),
  modifiedAt: optional(ModifiedAt),
  content,
});
export type ReviseFile = Infer<typeof ReviseFile>;

/** The new content replaces the current one, which need not be named. */
export const OverwriteFile = shape({
  nodeId: NodeId,
  modifiedAt: optional(ModifiedAt),
  content,
});
export type OverwriteFile = Infer<typeof OverwriteFile>;

type Deps = KeepingDeps & Quota & { readonly mayAct: MayAct; readonly newId: NewId };

/** One step of an upload has so much time, as a request has. */
export const stepMs = 10_000;

/** Whether the actor may send files at all, before one arrives. */
export const mayUpload =
  ({ mayAct }: Pick<Deps, "mayAct">) =>
  async (_asked: object, context: Context): Promise<Result<void, Forbidden>> => {
    const owner = OwnerId.parse(context.actor);
    return mayAct(context, Permissions.changeNode, {
      owner: owner.ok ? owner.value : undefined,
    });
  };

/** Whether a file of so many bytes may be made in a folder, before any of them arrive. A name is told where it must be free. */
export const mayCreateFile =
  (deps: Pick<Deps, "read" | "mayAct" | "quotaBytes" | "newId">) =>
  (
    {
      nodeId,
      size,
      name,
    }: { readonly nodeId: NodeId; readonly size: number; readonly name?: NodeName },
    context: Context,
  ): Promise<Result<void, Unseen | NoPlace | FileTooLarge | QuotaExceeded>> =>
    deps.read(context, async (scope) => {
      const found = await permitted(deps.mayAct, Permissions.changeNode)(scope, nodeId, context);
      if (!found.ok) return found;
      const folder = asFolder(found.value);
      if (!folder.ok) return folder;
      const place =
        name === undefined
          ? ok(undefined)
          : await placeFor(scope, found.value, { id: deps.newId(NodeId), name, height: 0 });
      if (!place.ok) return place;
      if (size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
      const { quotaBytes = Infinity } = deps;
      const left = await roomLeft(scope, { ...found.value, quotaBytes: deps.quotaBytes });
      const usedBytes = quotaBytes - left;
      return size > left
        ? err({ type: "quota-exceeded", quotaBytes, usedBytes, neededBytes: size })
        : ok(undefined);
    });

/** Receives the content of a file once it may be kept, and keeps it in one unit of work. */
export const writing =
  (deps: Deps) =>
  async <V extends Pick<PlacedFile, "id" | "content">, R>(
    {
      nodeId,
      content: uploaded,
      modifiedAt,
    }: Pick<CreateFile, "nodeId" | "content" | "modifiedAt">,
    { idempotency, ...context }: Context,
    {
      mayKeep,
      keep,
      lock = [],
    }: {
      readonly mayKeep: (scope: DriveScope, found: Owned) => Promise<Result<unknown, R>>;
      readonly keep: (scope: DriveScope, found: Owned, received: Received) => Promise<Result<V, R>>;
      readonly lock?: readonly string[];
    },
  ): Promise<Result<V, R | Unseen | FileTooLarge | QuotaExceeded | Conflict>> => {
    const { read, unitOfWork, clock, quotaBytes } = deps;
    const seen = permitted(deps.mayAct, Permissions.changeNode);
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    // A repeated request may find what the first one has made: the unit of work answers what that one was told.
    const mayBeRepeated = idempotency !== undefined;
    const may = await read(step(), async (scope): Promise<Result<number, R | Unseen>> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const kept = mayBeRepeated ? found : await mayKeep(scope, found.value);
      return kept.ok ? ok(await roomLeft(scope, { ...found.value, quotaBytes })) : kept;
    });
    if (!may.ok) return may;
    const keeping = {
      context: step,
      room: may.value,
      quotaBytes,
      modifiedAt: modifiedAt ?? clock.now(),
    };
    const staged = "kept" in uploaded ? uploaded : undefined;
    const received =
      "kept" in uploaded
        ? ok(uploaded.kept)
        : await uploaded.receive((bytes) => receiveContent(deps, bytes, keeping));
    if (!received.ok) return received;
    const same = idempotency ? { idempotency: withDigest(idempotency, received.value.hash) } : {};
    const settle = async (scope: DriveScope): Promise<Result<V, R | Unseen | Conflict>> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      if (!staged) return keep(scope, found.value, received.value);
      // Others may have made a file of it meanwhile.
      const staging = await scope.stagings.byId(staged.stagingId);
      if (!staging || staging.nodeId !== undefined) return err({ type: "conflict" });
      const kept = await keep(scope, found.value, received.value);
      if (kept.ok) {
        const { id, content } = kept.value;
        const file = { nodeId: id, revision: content.revision };
        scope.stagings.settle(staging.id, file, received.value.size);
      }
      return kept;
    };
    const locks = staged ? [...lock, stagingLock(staged.stagingId)] : lock;
    return unitOfWork({ ...step(), ...same }, settle, { lock: locks });
  };

/** Keeps a revision whose chunks are safe already. */
function keepRevision(
  { chunks, revisions }: DriveScope,
  { id, content: kept, changedAt }: PlacedFile,
  { fresh, manifest }: Received,
): void {
  chunks.add(fresh, changedAt);
  revisions.add([{ ...kept, nodeId: id, manifest, createdAt: changedAt }]);
}

type NewFile = Quota & {
  readonly id: NodeId;
  readonly name: NodeName;
  readonly createdAt: Instant;
  readonly received: Received;
  readonly ifTaken?: "number";
};
type KeepFile = typeof keepFile;

/** Makes a file in a folder of a content that has arrived. */
export async function keepFile(
  scope: DriveScope,
  parent: Owned,
  { received, quotaBytes, ifTaken, ...file }: NewFile,
): Promise<Result<PlacedFile, NoPlace | QuotaExceeded>> {
  const place = await placeFor(scope, parent, { ...file, height: 0, ifTaken });
  if (!place.ok) return place;
  const room = await roomFor(scope, { ...parent, contents: [received], quotaBytes });
  if (!room.ok) return room;
  const { id: folderId, spaceId } = parent.node;
  const creation = { ...file, name: place.value.name, spaceId };
  const saved = scope.nodes.save(Node.createFile(creation, folderId, newContentOf(received)));
  keepRevision(scope, saved, received);
  room.value.claim();
  return ok(saved);
}

/** Makes a file in a folder of a content that has arrived. If its name is taken, it gets a number. */
export const keepNumbered: KeepFile = (scope, parent, file) =>
  keepFile(scope, parent, { ...file, ifTaken: "number" });

type Basis = Quota & { readonly base: RevisionNumber; readonly at: Instant };

/** Gives a file a content that has arrived. */
export async function keepContent(
  scope: DriveScope,
  found: Owned,
  { received, quotaBytes, ...basis }: Basis & { readonly received: Received },
): Promise<Result<PlacedFile, Unwritable | StaleRevision | QuotaExceeded>> {
  const file = asWritable(found);
  if (!file.ok) return file;
  const revised = Node.revise(file.value, newContentOf(received), basis);
  if (!revised.ok) return revised;
  if (revised.value.events.length === 0) return ok(file.value);
  const room = await roomFor(scope, { ...found, contents: [received], quotaBytes });
  if (!room.ok) return room;
  const after = scope.nodes.save(revised.value);
  keepRevision(scope, after, received);
  room.value.claim();
  return ok(after);
}

type Keeping = Pick<Deps, "newId" | "mayAct"> & {
  readonly scope: DriveScope;
  readonly context: Context;
};
/** Copies of one second beside one file. */
const maxCopies = 100;

/** Gives a file a content that has arrived, or keeps that beside a file that has been changed meanwhile. */
export async function keepOrCopy(
  { scope, context, newId, mayAct }: Keeping,
  found: Owned,
  {
    ifStale = "refuse",
    ...content
  }: Basis & {
    readonly received: Received;
    readonly ifStale?: IfStale | undefined;
  },
): Promise<Result<PlacedFile, Unwritable | StaleRevision | QuotaExceeded>> {
  const kept = await keepContent(scope, found, content);
  const isStale = !kept.ok && kept.error.type === "stale-revision";
  if (!isStale || ifStale === "refuse") return kept;
  const { node } = found;
  const seen = permitted(mayAct, Permissions.changeNode);
  const folder = node.status === "root" ? undefined : await seen(scope, node.parentId, context);
  if (folder?.ok !== true) return kept;
  const { at: createdAt, received, quotaBytes } = content;
  for (let count = 1; count <= maxCopies; count += 1) {
    const name = conflictedName(node.name, createdAt, count);
    const file = { id: newId(NodeId), name, createdAt, received, quotaBytes };
    const copied = await keepFile(scope, folder.value, file);
    if (copied.ok) return copied;
    if (copied.error.type === "quota-exceeded") return err(copied.error);
  }
  return kept;
}

/** Makes a file in a folder of a content that has arrived, which is the next one of a file that has the name. */
const keepOrRevise: KeepFile = async (scope, parent, { received, quotaBytes, ...file }) => {
  const there = await scope.nodes.child(parent.node.id, nameKey(file.name));
  if (there?.kind !== "file") return keepFile(scope, parent, { received, quotaBytes, ...file });
  const found = { ...parent, node: there };
  const basis = { base: there.content.revision, at: file.createdAt, quotaBytes };
  const kept = await keepContent(scope, found, { received, ...basis });
  if (kept.ok) return kept;
  const { error } = kept;
  if (error.type === "quota-exceeded" || error.type === "node-in-trash") return err(error);
  throw new Error(`${there.id} was refused the content after its own: ${error.type}`);
};

const keepers: Readonly<Record<IfNameTaken, KeepFile>> = {
  refuse: keepFile,
  number: keepNumbered,
  replace: keepOrRevise,
};

/** Creates a file in a folder. */
export function createFile(deps: Deps) {
  const write = writing(deps);
  const { newId, clock, quotaBytes } = deps;
  return (input: CreateFile, context: Context) => {
    const { name, ifTaken = "refuse" } = input;
    const id = newId(NodeId);
    return write<PlacedFile, NoPlace | QuotaExceeded>(input, context, {
      async mayKeep(scope, parent) {
        const place = await placeFor(scope, parent, { id, name, height: 0 });
        const isTaken = !place.ok && place.error.type === "name-taken";
        return isTaken && ifTaken !== "refuse" ? ok(undefined) : place;
      },
      keep: (scope, parent, received) =>
        keepers[ifTaken](scope, parent, { id, name, createdAt: clock.now(), received, quotaBytes }),
      // Requests for one name are done one after the other, so that none is refused as a conflict.
      lock: input.ifTaken === undefined ? [] : [`drive.name/${input.nodeId}/${nameKey(name)}`],
    });
  };
}

/** Replaces the content of a file, whatever it is. Of those who do so at the same time, each makes a revision. */
export function overwriteFile(deps: Deps) {
  const write = writing(deps);
  const { clock, quotaBytes } = deps;
  return (input: OverwriteFile, context: Context) =>
    write<PlacedFile, Unwritable | StaleRevision | QuotaExceeded>(input, context, {
      mayKeep: async (_scope, found) => asWritable(found),
      keep: async (scope, found, received) => {
        const file = asWritable(found);
        if (!file.ok) return file;
        const base = file.value.content.revision;
        return keepContent(scope, found, { base, quotaBytes, at: clock.now(), received });
      },
      lock: [`drive.content/${input.nodeId}`],
    });
}

/** Replaces the content of a file, if it has the revision that the new content is based on. Equal content changes nothing. */
export function reviseFile(deps: Deps) {
  const write = writing(deps);
  return (input: ReviseFile, context: Context) => {
    const base = input.expectedVersion as number as RevisionNumber;
    const { ifStale } = input;
    return write<PlacedFile, Unwritable | StaleRevision | QuotaExceeded>(input, context, {
      mayKeep: async (_scope, found) => asWritable(found),
      keep: (scope, found, received) =>
        keepOrCopy({ ...deps, scope, context }, found, {
          base,
          quotaBytes: deps.quotaBytes,
          at: deps.clock.now(),
          received,
          ifStale,
        }),
    });
  };
}
