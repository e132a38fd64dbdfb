import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { maxFileBytes, type ByteCount } from "../../domain/content.ts";
import type { OwnerId, StagingId } from "../../domain/ids.ts";
import {
  maxPieces,
  pieceBytes,
  type LengthMismatch,
  type OffsetMismatch,
  type Staging,
  type StagingSealed,
  type TooManyPieces,
} from "../../domain/staging.ts";
import type { KeepingDeps } from "../content/keep-chunks.ts";
import { roomLeft, type Quota, type QuotaExceeded } from "../content/quota.ts";
import { receiveContent, type FileTooLarge, type Received } from "../content/receive-content.ts";
import { stepMs } from "../content/write-file.ts";
import type { MayAct } from "#kernel/permission.ts";
import type { Digests } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";
import { ownStaging, stagingLock, type StagingUnseen } from "./stagings.ts";
import { slicing } from "./slices.ts";

/**
 * Bytes follow those that have come; unless they are to be kept as a whole, those are kept that come before a connection breaks. Or they are the piece with a
 * number, which replaces one that came before under it.
 */
export type PiecePlacing =
  | { readonly offset: number; readonly isWhole: boolean }
  | { readonly number: number };

export type StageBytes = {
  readonly stagingId: StagingId;
  readonly placing: PiecePlacing;
  readonly bytes: AsyncIterable<Uint8Array>;
};

/** Bytes that have come by a request. `before`: those of the request that came before them. */
type Come = Pick<StageBytes, "stagingId" | "placing"> & {
  readonly received: Received;
  readonly before: number;
} & Pick<Begun, "covers">;

/** `covers`: the bytes that came before the request, if the digest is of them, too. */
type Begun = {
  readonly digest: ReturnType<Digests["running"]>;
  readonly covers: number | undefined;
};
/** Digests that are kept for the next request of a content. */
const maxDigests = 1_000;

/** Digests of contents that come by one request after the other. Another process knows nothing of them, and reads the content at its end. */
function digestsUnderWay({ running }: Digests) {
  const kept = new Map<StagingId, Pick<Begun, "digest"> & { readonly covers: number }>();
  return {
    take({ id, bytes }: Staging): Begun {
      const found = kept.get(id);
      kept.delete(id);
      if (found?.covers === bytes) return found;
      return { digest: running(), covers: bytes === 0 ? 0 : undefined };
    },
    keep({ id, bytes }: Staging, { digest, covers }: Begun): void {
      if (covers === undefined) return;
      kept.set(id, { digest, covers: bytes });
      const [oldest] = kept.keys();
      if (kept.size > maxDigests && oldest !== undefined) kept.delete(oldest);
    },
  };
}

/** Where the bytes of a request begin that come after others of it. */
const after = (placing: PiecePlacing, before: number): PiecePlacing =>
  "offset" in placing ? { ...placing, offset: placing.offset + before } : placing;

type Deps = KeepingDeps & Quota & { readonly mayAct: MayAct };
type Refused =
  | StagingUnseen
  | StagingSealed
  | OffsetMismatch
  | LengthMismatch
  | TooManyPieces
  | FileTooLarge
  | QuotaExceeded;

/** Whether a piece of so many bytes may come. `replaced`: those of the piece that it comes for, if there is one. */
function mayCome(
  { isSealed, bytes: all, pieces, length }: Staging,
  placing: PiecePlacing,
  { size, replaced }: { readonly size: number; readonly replaced: number | undefined },
): Result<void, Refused> {
  if (isSealed) return err({ type: "staging-sealed" });
  if ("offset" in placing && placing.offset !== all)
    return err({ type: "offset-mismatch", offset: all });
  if (pieces >= maxPieces && replaced === undefined)
    return err({ type: "too-many-pieces", maxPieces });
  const bytes = all - (replaced ?? 0);
  if (length !== undefined && bytes + size > length)
    return err({ type: "length-mismatch", length, bytes: bytes + size });
  return bytes + size > maxFileBytes
    ? err({ type: "file-too-large", maxFileBytes })
    : ok(undefined);
}

const replacedBy = async (
  { stagings }: DriveScope,
  { id }: Staging,
  placing: PiecePlacing,
): Promise<number | undefined> =>
  "offset" in placing ? undefined : stagings.sizeAt(id, placing.number);

/** What an owner has room for, besides the bytes that wait for a file, and how pieces are kept in it. */
function keepingPieces({ unitOfWork, clock, quotaBytes, ...deps }: Deps) {
  const own = ownStaging({ ...deps, clock });

  async function roomOf(scope: DriveScope, ownerId: OwnerId): Promise<number> {
    if (quotaBytes === undefined) return Infinity;
    const { bytes } = await scope.stagings.openOf(ownerId, clock.now());
    return (await roomLeft(scope, { ownerId, quotaBytes })) - bytes;
  }

  const exceeded = (room: number, neededBytes: number): Result<never, QuotaExceeded> => {
    const all = quotaBytes ?? Infinity;
    return err({ type: "quota-exceeded", quotaBytes: all, usedBytes: all - room, neededBytes });
  };

  /** Keeps bytes that have come. */
  async function keep(
    { received, stagingId, placing: first, before, covers }: Come,
    context: Context,
  ): Promise<Result<Staging, Refused | Conflict>> {
    const { manifest, mediaType, fresh, size } = received;
    const placing = after(first, before);
    const owners = `drive.stagings/${context.actor}`;
    return unitOfWork(
      context,
      async (scope: DriveScope): Promise<Result<Staging, Refused>> => {
        const found = await own(scope, stagingId, context);
        if (!found.ok) return found;
        const replaced = await replacedBy(scope, found.value, placing);
        const may = mayCome(found.value, placing, { size, replaced });
        if (!may.ok) return may;
        const { bytes, pieces, ownerId } = found.value;
        const room = await roomOf(scope, ownerId);
        const more = size - (replaced ?? 0);
        if (more > room) return exceeded(room, more);
        const place = "offset" in placing ? placing.offset : placing.number;
        const isWhole = covers !== undefined && bytes === covers + before;
        const hash = isWhole ? received.hash : undefined;
        scope.chunks.add(fresh, clock.now());
        scope.stagings.put(stagingId, { place, manifest, mediaType }, hash);
        const added = replaced === undefined ? 1 : 0;
        const now = { hash, bytes: (bytes + more) as ByteCount, pieces: pieces + added };
        return ok({ ...found.value, ...now });
      },
      // Of the pieces that come at once, each sees how many bytes the others have.
      {
        lock:
          quotaBytes === undefined ? [stagingLock(stagingId)] : [owners, stagingLock(stagingId)],
      },
    );
  }

  return { roomOf, keep };
}

/** Receives bytes of a content that is put together. Returns it as it is after the last of them. */
export function stageBytes(deps: Deps) {
  const { read, clock, quotaBytes } = deps;
  const own = ownStaging(deps);
  const { roomOf, keep } = keepingPieces(deps);
  const digests = digestsUnderWay(deps.digests);

  return async (
    { stagingId, placing, bytes: body }: StageBytes,
    { idempotency: _idempotency, ...context }: Context,
  ): Promise<Result<Staging, Refused | Conflict>> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const looked = await read(step(), async (scope) => {
      const found = await own(scope, stagingId, context);
      if (!found.ok) return found;
      const replaced = await replacedBy(scope, found.value, placing);
      const may = mayCome(found.value, placing, { size: 0, replaced });
      if (!may.ok) return may;
      const room = await roomOf(scope, found.value.ownerId);
      return ok({ staging: found.value, room: room + (replaced ?? 0) });
    });
    if (!looked.ok) return looked;
    let { staging, room } = looked.value;
    const begun = digests.take(staging);
    const { digest, covers } = begun;
    const isWhole = !("offset" in placing) || placing.isWhole;
    const slices = slicing(body, { most: isWhole ? Infinity : pieceBytes, isWhole });
    let before = 0;
    for await (const slice of slices.all()) {
      const keeping = { context: step, room, quotaBytes, modifiedAt: clock.now(), digest };
      const received = await receiveContent(deps, slice, keeping);
      if (!received.ok) return received;
      const { size } = received.value;
      if (size === 0) break;
      const kept = await keep(
        { received: received.value, stagingId, placing, before, covers },
        step(),
      );
      if (!kept.ok) return kept;
      staging = kept.value;
      before += size;
      room -= size;
    }
    if ("offset" in placing) digests.keep(staging, begun);
    slices.rethrow();
    return ok(staging);
  };
}
