import type { Context } from "#kernel/context.ts";
import type { NewId } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Forbidden, MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Conflict, Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import { maxFileBytes, type ByteCount } from "../../domain/content.ts";
import { OwnerId, StagingId } from "../../domain/ids.ts";
import {
  maxOpenStagings,
  maxPieces,
  stagingMs,
  type LengthMismatch,
  type PieceSize,
  type Staging,
  type StagingExists,
  type StagingNotFound,
  type StagingSealed,
  type StagingUnfinished,
  type TooManyPieces,
  type TooManyStagings,
} from "../../domain/staging.ts";
import type { FileTooLarge } from "../content/receive-content.ts";
import { Permissions } from "../permission.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { SettledFile } from "../ports/stagings.ts";

export type StagingUnseen = StagingNotFound | Forbidden;
type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly newId: NewId;
};
type Seeing = Pick<Deps, "mayAct" | "clock">;

/** The lock that every change of a staging holds, and every request that makes a file of it. */
export const stagingLock = (id: StagingId): string => `drive.staging/${id}`;

/** The staging, if the actor has begun it, it has not expired, and the actor may still change files of their own. */
export const ownStaging =
  ({ mayAct, clock }: Seeing) =>
  async (
    { stagings }: Pick<DriveScope, "stagings">,
    stagingId: StagingId,
    context: Context,
  ): Promise<Result<Staging, StagingUnseen>> => {
    const found = await stagings.byId(stagingId);
    if (found?.ownerId !== context.actor || found.expiresAt <= clock.now())
      return err({ type: "staging-not-found", stagingId });
    const allowed = await mayAct(context, Permissions.changeNode, { owner: found.ownerId });
    return allowed.ok ? ok(found) : allowed;
  };

type Told = {
  readonly name?: string | undefined;
  readonly length?: number | undefined;
  readonly note: string;
};

/** Keeps a new staging of the actor. */
async function begun(
  { stagings }: DriveScope,
  { newId, clock, mayAct }: Deps,
  { name, length, note, actor }: Told & { readonly actor: Context },
): Promise<Result<Staging, Forbidden | TooManyStagings | StagingExists>> {
  const owner = OwnerId.parse(actor.actor);
  const asked = { owner: owner.ok ? owner.value : undefined };
  const allowed = await mayAct(actor, Permissions.changeNode, asked);
  if (!allowed.ok) return allowed;
  if (!owner.ok) return err({ type: "forbidden", permission: Permissions.changeNode });
  const createdAt = clock.now();
  const same = name === undefined ? undefined : await stagings.byName(owner.value, name);
  if (same && same.expiresAt > createdAt) return err({ type: "staging-exists" });
  if (same) stagings.remove(same.id);
  const open = await stagings.openOf(owner.value, createdAt);
  if (open.count >= maxOpenStagings) return err({ type: "too-many-stagings", maxOpenStagings });
  const staging = {
    id: newId(StagingId),
    ownerId: owner.value,
    name,
    note,
    length: length as ByteCount | undefined,
    hash: undefined,
    isSealed: false,
    createdAt,
    expiresAt: Instant.plus(createdAt, stagingMs),
    nodeId: undefined,
    revision: undefined,
  };
  stagings.add(staging);
  return ok({ ...staging, bytes: 0 as ByteCount, pieces: 0 });
}

/** Begins to put a content together. `name`: how the client calls it. `length`: the bytes that it is to have. `note`: what the client keeps with it. */
export function beginStaging(deps: Deps) {
  return (
    told: Told,
    context: Context,
  ): Promise<Result<Staging, Forbidden | TooManyStagings | StagingExists | Conflict>> =>
    deps.unitOfWork(context, (scope) => begun(scope, deps, { ...told, actor: context }), {
      lock: [`drive.stagings/${context.actor}`],
    });
}

type One = { readonly stagingId: StagingId };

export function getStaging(deps: Seeing & { readonly read: Read<DriveScope> }) {
  const own = ownStaging(deps);
  return ({ stagingId }: One, context: Context): Promise<Result<Staging, StagingUnseen>> =>
    deps.read(context, (scope) => own(scope, stagingId, context));
}

/** Returns the staging that the actor calls so. */
export function findStaging(deps: Seeing & { readonly read: Read<DriveScope> }) {
  const own = ownStaging(deps);
  return (
    { name }: { readonly name: string },
    context: Context,
  ): Promise<Result<Staging, NoSuchName | Forbidden>> =>
    deps.read(context, async (scope) => {
      const owner = OwnerId.parse(context.actor);
      const named = owner.ok ? await scope.stagings.byName(owner.value, name) : undefined;
      if (!named) return err({ type: "staging-not-found" });
      return own(scope, named.id, context);
    });
}

/** Lists the pieces that have come, in the order of their places. */
export function listPieces(deps: Seeing & { readonly read: Read<DriveScope> }) {
  const own = ownStaging(deps);
  return (
    { stagingId }: One,
    context: Context,
  ): Promise<Result<readonly PieceSize[], StagingUnseen>> =>
    deps.read(context, async (scope) => {
      const found = await own(scope, stagingId, context);
      return found.ok ? ok(await scope.stagings.sizes(stagingId)) : found;
    });
}

type NoSuchName = { readonly type: "staging-not-found" };

type Changed<R> = Result<Staging, R | StagingUnseen | StagingSealed | Conflict>;

/** Says how many bytes a content is to have, where that was not known before. */
export function tellStagingLength(deps: Deps) {
  const own = ownStaging(deps);
  return (
    { stagingId, length }: One & { readonly length: number },
    context: Context,
  ): Promise<Changed<LengthMismatch>> => {
    const tell = async (scope: DriveScope): Promise<Changed<LengthMismatch>> => {
      const found = await own(scope, stagingId, context);
      if (!found.ok) return found;
      const { bytes, isSealed } = found.value;
      if (isSealed) return err({ type: "staging-sealed" });
      if (bytes > length) return err({ type: "length-mismatch", length, bytes });
      scope.stagings.tellLength(stagingId, length as ByteCount);
      return ok({ ...found.value, length: length as ByteCount });
    };
    return deps.unitOfWork(context, tell, { lock: [stagingLock(stagingId)] });
  };
}

type Joined =
  | StagingUnseen
  | StagingUnfinished
  | FileTooLarge
  | TooManyPieces
  | TooManyStagings
  | StagingExists
  | Conflict;

/** Puts a content together of others, one after the other. They stay as they are. */
export function joinStagings(deps: Deps) {
  const own = ownStaging(deps);
  return (
    { stagingIds, note }: { readonly stagingIds: readonly StagingId[]; readonly note: string },
    context: Context,
  ): Promise<Result<Staging, Joined>> => {
    const join = async (scope: DriveScope): Promise<Result<Staging, Joined>> => {
      let [length, pieces] = [0, 0];
      for (const id of stagingIds) {
        const found = await own(scope, id, context);
        if (!found.ok) return found;
        const { bytes, length: told } = found.value;
        if (bytes !== told) return err({ type: "staging-unfinished", stagingId: id });
        length += bytes;
        pieces += found.value.pieces;
      }
      if (length > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
      if (pieces > maxPieces) return err({ type: "too-many-pieces", maxPieces });
      const made = await begun(scope, deps, { length, note, actor: context });
      if (made.ok) scope.stagings.join(made.value.id, stagingIds);
      return made.ok ? ok({ ...made.value, bytes: length as ByteCount, pieces }) : made;
    };
    return deps.unitOfWork(context, join, {
      lock: [`drive.stagings/${context.actor}`, ...new Set(stagingIds.map(stagingLock))],
    });
  };
}

/** Says that a file has the contents of stagings that others were put together of. */
export function settleStagings(deps: Deps) {
  const own = ownStaging(deps);
  return (
    { stagingIds, file }: { readonly stagingIds: readonly StagingId[]; readonly file: SettledFile },
    context: Context,
  ): Promise<Result<void, StagingUnseen | Conflict>> => {
    const settle = async (scope: DriveScope): Promise<Result<void, StagingUnseen>> => {
      for (const id of new Set(stagingIds)) {
        const found = await own(scope, id, context);
        if (!found.ok) return found;
        if (found.value.nodeId === undefined) scope.stagings.settle(id, file, found.value.bytes);
      }
      return ok(undefined);
    };
    return deps.unitOfWork(context, settle, { lock: [...new Set(stagingIds.map(stagingLock))] });
  };
}

export const ListStagings = shape({});
export type ListStagings = Infer<typeof ListStagings>;

/** Lists the contents that the actor has begun to put together and no file has yet. */
export const listStagings =
  ({ read, mayAct, clock }: Seeing & { readonly read: Read<DriveScope> }) =>
  async (_: ListStagings, context: Context): Promise<Result<readonly Staging[], Forbidden>> => {
    const owner = OwnerId.parse(context.actor);
    if (!owner.ok) return ok([]);
    const allowed = await mayAct(context, Permissions.readNode, { owner: owner.value });
    if (!allowed.ok) return allowed;
    return ok(await read(context, ({ stagings }) => stagings.listOpen(owner.value, clock.now())));
  };

export const DiscardStaging = shape({ stagingId: StagingId });
export type DiscardStaging = Infer<typeof DiscardStaging>;

/** Gives up a content. What has come of it is collected. */
export function discardStaging({ unitOfWork, mayAct, clock }: Deps) {
  return (
    { stagingId }: DiscardStaging,
    context: Context,
  ): Promise<Result<void, StagingUnseen | Conflict>> => {
    const discard = async ({ stagings }: DriveScope): Promise<Result<void, StagingUnseen>> => {
      const found = await stagings.byId(stagingId);
      if (!found || found.expiresAt <= clock.now())
        return err({ type: "staging-not-found", stagingId });
      const allowed = await mayAct(context, Permissions.changeNode, { owner: found.ownerId });
      if (!allowed.ok) return allowed;
      stagings.remove(stagingId);
      return ok(undefined);
    };
    return unitOfWork(context, discard, { lock: [stagingLock(stagingId)] });
  };
}
