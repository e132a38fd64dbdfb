import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import type { Conflict } from "#kernel/unit-of-work.ts";
import { MediaType, type Manifest, type Sha256 } from "../../domain/content.ts";
import type { StagingId } from "../../domain/ids.ts";
import type { LengthMismatch, Staging, StagingSealed } from "../../domain/staging.ts";
import { examined, examiningPlaces, retryAfterS } from "../content/examine-content.ts";
import type { KeepingDeps } from "../content/keep-chunks.ts";
import type { KeptFile } from "../content/receive-content.ts";
import { stepMs } from "../content/write-file.ts";
import type { TooBusy } from "../places.ts";
import type { DriveScope } from "../ports/scope.ts";
import { ownStaging, stagingLock, type StagingUnseen } from "./stagings.ts";

type Deps = KeepingDeps & { readonly mayAct: MayAct };
type Refused = StagingUnseen | StagingSealed | LengthMismatch | TooBusy | Conflict;

/** `length`: the bytes that it must have. `modifiedAt`: when the client says that it was last changed. */
export type SealStaging = {
  readonly stagingId: StagingId;
  readonly length?: number;
  readonly modifiedAt?: Instant;
};

/** A staging that changes while it is sealed is looked at so many times. */
const maxLooks = 3;

type Looked = {
  readonly staging: Staging;
  readonly manifest: Manifest;
  readonly mediaType: MediaType | undefined;
};

/**
 * Ends a content that was put together: no more pieces come, and a file can have it. Its bytes are read and hashed, unless one request has sent them all. Asked
 * again, it is the same.
 */
export function sealStaging(deps: Deps) {
  const { read, unitOfWork, clock } = deps;
  const own = ownStaging(deps);
  const underWay = examiningPlaces();

  const look = ({ stagingId, length: wanted }: SealStaging, context: Context) =>
    read(context, async (scope): Promise<Result<Looked, Refused>> => {
      const found = await own(scope, stagingId, context);
      if (!found.ok) return found;
      const { nodeId, bytes, length = wanted } = found.value;
      if (nodeId !== undefined) return err({ type: "staging-sealed" });
      for (const one of [length, wanted])
        if (one !== undefined && one !== bytes)
          return err({ type: "length-mismatch", length: one, bytes });
      return ok({ staging: found.value, ...(await scope.stagings.content(stagingId)) });
    });

  async function digested({ staging, manifest }: Looked, step: () => Context): Promise<Sha256> {
    const { lost, hash } = await examined(deps, manifest, step);
    if (lost.length > 0) throw new Error(`${staging.id} has lost ${lost.length} chunks`);
    return hash;
  }

  /** Seals what was looked at; undefined where it has changed meanwhile. */
  async function sealed(
    { staging, manifest }: Looked,
    hash: Sha256,
    context: Context,
  ): Promise<Result<boolean, Refused>> {
    const seal = async (scope: DriveScope): Promise<Result<boolean, Refused>> => {
      const now = await own(scope, staging.id, context);
      if (!now.ok) return now;
      if (now.value.nodeId !== undefined) return err({ type: "staging-sealed" });
      const { manifest: there } = await scope.stagings.content(staging.id);
      const isSame =
        there.length === manifest.length && there.every((one, i) => one.hash === manifest[i]?.hash);
      if (isSame) scope.stagings.seal(staging.id, hash);
      return ok(isSame);
    };
    return unitOfWork(context, seal, { lock: [stagingLock(staging.id)] });
  }

  return async (
    { modifiedAt, ...asked }: SealStaging,
    { idempotency: _idempotency, ...context }: Context,
  ): Promise<Result<KeptFile, Refused>> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    for (let looks = 1; looks <= maxLooks; looks += 1) {
      const looked = await look(asked, step());
      if (!looked.ok) return looked;
      const { staging, manifest, mediaType = MediaType.unknown } = looked.value;
      const { ownerId, isSealed, bytes: size } = staging;
      const isRead = staging.hash === undefined;
      if (isRead && underWay.isFull(ownerId)) return err({ type: "too-busy", retryAfterS });
      const hash =
        staging.hash ?? (await underWay.within(ownerId, () => digested(looked.value, step)));
      const same = isSealed ? ok(true) : await sealed(looked.value, hash, step());
      if (!same.ok) return same;
      const content = { size, hash, mediaType, modifiedAt: modifiedAt ?? clock.now() };
      const kept = { ...content, manifest, fresh: new Map() };
      if (same.value) return ok({ stagingId: staging.id, kept });
    }
    return err({ type: "conflict" });
  };
}
