import type { Context } from "#kernel/context.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { maxFileBytes, type ByteCount } from "../../domain/content.ts";
import type { StagingId } from "../../domain/ids.ts";
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
};

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

/** Whether a piece of so many bytes may come. */
function mayCome(
  { isSealed, bytes, pieces, length }: Staging,
  placing: PiecePlacing,
  size: number,
): Result<void, Refused> {
  if (isSealed) return err({ type: "staging-sealed" });
  if ("offset" in placing && placing.offset !== bytes)
    return err({ type: "offset-mismatch", offset: bytes });
  if (pieces >= maxPieces) return err({ type: "too-many-pieces", maxPieces });
  if (length !== undefined && bytes + size > length)
    return err({ type: "length-mismatch", length, bytes: bytes + size });
  return bytes + size > maxFileBytes
    ? err({ type: "file-too-large", maxFileBytes })
    : ok(undefined);
}

/** Receives bytes of a content that is put together. Returns it as it is after the last of them. */
export function stageBytes(deps: Deps) {
  const { read, unitOfWork, clock, quotaBytes } = deps;
  const own = ownStaging(deps);

  /** Keeps bytes that have come. */
  async function keep(
    { received, stagingId, placing: first, before }: Come,
    context: Context,
  ): Promise<Result<Staging, Refused | Conflict>> {
    const { manifest, mediaType, fresh, size } = received;
    const placing = after(first, before);
    return unitOfWork(
      context,
      async (scope: DriveScope): Promise<Result<Staging, Refused>> => {
        const found = await own(scope, stagingId, context);
        if (!found.ok) return found;
        const may = mayCome(found.value, placing, size);
        if (!may.ok) return may;
        const { bytes, pieces } = found.value;
        const place = "offset" in placing ? placing.offset : placing.number;
        const hash = bytes === before ? received.hash : undefined;
        scope.chunks.add(fresh, clock.now());
        scope.stagings.put(stagingId, { place, manifest, mediaType }, hash);
        const more = { hash, bytes: (bytes + size) as ByteCount, pieces: pieces + 1 };
        return ok({ ...found.value, ...more });
      },
      { lock: [stagingLock(stagingId)] },
    );
  }

  return async (
    { stagingId, placing, bytes: body }: StageBytes,
    { idempotency: _idempotency, ...context }: Context,
  ): Promise<Result<Staging, Refused | Conflict>> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const looked = await read(step(), async (scope) => {
      const found = await own(scope, stagingId, context);
      if (!found.ok) return found;
      const may = mayCome(found.value, placing, 0);
      if (!may.ok) return may;
      const open = await scope.stagings.openOf(found.value.ownerId, clock.now());
      const left = await roomLeft(scope, { ownerId: found.value.ownerId, quotaBytes });
      return ok({ staging: found.value, room: left - open.bytes });
    });
    if (!looked.ok) return looked;
    let { staging, room } = looked.value;
    const digest = deps.digests.running();
    const isWhole = !("offset" in placing) || placing.isWhole;
    const slices = slicing(body, { most: isWhole ? Infinity : pieceBytes, isWhole });
    let before = 0;
    for await (const slice of slices.all()) {
      const keeping = { context: step, room, quotaBytes, modifiedAt: clock.now(), digest };
      const received = await receiveContent(deps, slice, keeping);
      if (!received.ok) return received;
      const { size } = received.value;
      if (size === 0) break;
      const kept = await keep({ received: received.value, stagingId, placing, before }, step());
      if (!kept.ok) return kept;
      staging = kept.value;
      before += size;
      room -= size;
    }
    slices.rethrow();
    return ok(staging);
  };
}
