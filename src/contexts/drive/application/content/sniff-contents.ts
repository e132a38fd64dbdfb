import type { Context } from "#kernel/context.ts";
import type { Slice } from "#kernel/each-due.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import { MediaType } from "../../domain/content.ts";
import type { DriveScope } from "../ports/scope.ts";
import type { Sniffed, Unsniffed } from "../ports/revisions.ts";
import type { KeepingDeps } from "./keep-chunks.ts";
import { proven, unlessDamaged } from "./proven.ts";

/** Contents that are looked at together. */
const stepContents = 100;
/** One step has so much time, as a request has. */
const stepMs = 10_000;

/** Finds the media types of contents that were kept before the server looked at them, or by an older release beside it. */
export function sniffContents(deps: KeepingDeps) {
  const { read, unitOfWork, clock, sniff } = deps;

  async function sniffed(
    { chunk, ...place }: Unsniffed,
    located: Awaited<ReturnType<DriveScope["chunks"]["located"]>>,
    context: Context,
  ): Promise<Sniffed> {
    const location = chunk && located.get(chunk);
    if (!chunk || !location) return { ...place, mediaType: MediaType.unknown };
    const bytes = await proven(deps, { hash: chunk, location }, context).catch(unlessDamaged);
    return { ...place, mediaType: bytes ? await sniff(bytes) : MediaType.unknown };
  }

  return async ({ stopping }: Slice, asked: Context): Promise<Result<void, never>> => {
    for (;;) {
      if (stopping?.aborted === true) break;
      const step = () => ({ ...asked, deadlineMs: clock.unixMs() + stepMs });
      const { found, located } = await read(step(), async ({ revisions, chunks }) => {
        const some = await revisions.unsniffed(stepContents);
        const hashes = some.flatMap(({ chunk }) => chunk ?? []);
        return { found: some, located: await chunks.located([...new Set(hashes)]) };
      });
      if (found.length === 0) break;
      const told: Sniffed[] = [];
      for (const one of found) told.push(await sniffed(one, located, step()));
      expect(await unitOfWork(step(), async ({ revisions }) => ok(revisions.tell(told))));
    }
    return ok(undefined);
  };
}
