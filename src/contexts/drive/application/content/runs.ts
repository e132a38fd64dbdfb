import type { Context } from "#kernel/context.ts";
import type { ChunkPart } from "../../domain/content.ts";
import { ChunkLost, type Location } from "../ports/chunks.ts";
import { lost, proven, type ProvingDeps } from "./proven.ts";

/** A part of a file, and where its chunk is kept. */
export type LocatedPart = ChunkPart & { readonly location: Location };

/** Parts of one range whose chunks are kept one directly after the other: the first may begin within its chunk, and the last may end within its own. */
export type Run = readonly [LocatedPart, ...LocatedPart[]];

/** Bytes that are read at once: fewer reads than chunks, and little memory for each download. */
const runBytes = 2 ** 19;

const spanOf = (run: Run): Location => ({
  ...run[0].location,
  size: run.reduce((sum, { location: { size } }) => sum + size, 0),
});

const continues = (run: Run, { location }: LocatedPart): boolean => {
  const { segment, offset, size } = spanOf(run);
  const isAdjacent = location.segment === segment && location.offset === offset + size;
  return isAdjacent && size + location.size <= runBytes;
};

/** Puts together what can be read at once, in the order of the file. */
export function runsOf(parts: readonly LocatedPart[]): readonly Run[] {
  const runs: Run[] = [];
  for (const part of parts) {
    const last = runs.at(-1);
    if (last && continues(last, part)) runs[runs.length - 1] = [...last, part];
    else runs.push([part]);
  }
  return runs;
}

export type RunBytes = Iterable<Uint8Array> | AsyncIterable<Uint8Array>;

/**
 * The bytes of a run, once its chunks have proved to be their own: all at once, or one by one where that cannot be. The chunks before a damaged one are told,
 * which is in doubt from then on.
 */
export async function bytesOfRun(
  deps: ProvingDeps,
  run: Run,
  step: () => Context,
): Promise<RunBytes> {
  const bytes = await deps.store.read(spanOf(run)).catch(lost);
  const [first, last] = [run[0], run.at(-1) ?? run[0]];
  return bytes instanceof ChunkLost || !areProven(deps, run, bytes)
    ? oneByOne(deps, run, step)
    : [bytes.subarray(first.from, bytes.length - last.size + last.until)];
}

async function* oneByOne(
  deps: ProvingDeps,
  run: Run,
  step: () => Context,
): AsyncGenerator<Uint8Array> {
  for (const part of run) yield (await proven(deps, part, step())).subarray(part.from, part.until);
}

function areProven({ digests }: ProvingDeps, run: Run, bytes: Uint8Array): boolean {
  let at = 0;
  return run.every(({ hash, size }) => {
    const chunk = bytes.subarray(at, at + size);
    at += size;
    return digests.sha256(chunk) === hash;
  });
}
