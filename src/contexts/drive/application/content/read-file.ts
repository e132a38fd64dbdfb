import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { optional, shape, type Infer } from "#kernel/shape.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import {
  newContentOf,
  partsOf,
  RevisionNumber,
  sizeOf,
  type ChunkPart,
} from "../../domain/content.ts";
import { NodeId } from "../../domain/ids.ts";
import type { File, NotAFile } from "../../domain/node.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { ChunkStore, Digests } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";
import { bytesOfRun, runsOf, type Run, type RunBytes } from "./runs.ts";
import type { RevisionNotFound } from "./revisions.ts";

/** The newest revision, unless another one is said. */
export const ReadFile = shape({ nodeId: NodeId, revision: optional(RevisionNumber) });
export type ReadFile = Infer<typeof ReadFile>;

/** Chunks whose places are asked for together, and runs of them that are read ahead. */
const [batchChunks, aheadRuns] = [64, 1];
/** One step of a download has so much time, as a request has. */
const stepMs = 10_000;

type ByteRange = { readonly from: number; readonly until: number };

/** A file, and its bytes from one place up to another one. */
export type ReadableFile = {
  readonly file: File;
  readonly bytes: (range: ByteRange) => AsyncIterable<Uint8Array>;
};

export type ReadingDeps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly store: ChunkStore;
  readonly digests: Digests;
};

/** Reads runs in their order, some ahead of whoever takes them. */
async function* readAhead(
  runs: readonly Run[],
  read: (run: Run) => Promise<RunBytes>,
): AsyncGenerator<Uint8Array> {
  const coming: Promise<RunBytes>[] = [];
  const begin = (run: Run | undefined) => {
    if (!run) return;
    const bytes = read(run);
    bytes.catch(() => {}); // told to whoever takes it
    coming.push(bytes);
  };
  for (const run of runs.slice(0, aheadRuns)) begin(run);
  for (const i of runs.keys()) {
    begin(runs[i + aheadRuns]);
    yield* (await coming.shift()) ?? [];
  }
}

/** The bytes of a file from one place up to another one. A chunk that is damaged is in doubt from then on. */
export function bytesOfFile(deps: ReadingDeps) {
  const { read: ask, clock } = deps;

  async function* bytesOf(parts: readonly ChunkPart[], step: () => Context) {
    for (let first = 0; first < parts.length; first += batchChunks) {
      const batch = parts.slice(first, first + batchChunks);
      const places = await ask(step(), ({ chunks }) =>
        chunks.located(batch.map(({ hash }) => hash)),
      );
      const located = batch.map((part) => {
        const location = places.get(part.hash);
        if (!location) throw new Error(`the chunk ${part.hash} is missing`);
        return { ...part, location };
      });
      yield* readAhead(runsOf(located), (run) => bytesOfRun(deps, run, step));
    }
  }

  async function* rangeOf(
    { id: nodeId, content: { revision } }: File,
    range: ByteRange,
    context: Context,
  ) {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    for (let at = range.from; at < range.until;) {
      const page = await ask(step(), ({ revisions }) => revisions.page({ nodeId, revision, at }));
      const { startsAt, manifest } = page ?? { startsAt: at, manifest: [] };
      const end = startsAt + sizeOf(manifest);
      if (end <= at) throw new Error(`${nodeId} lacks byte ${at} of revision ${revision}`);
      const within = { from: at - startsAt, until: Math.min(range.until, end) - startsAt };
      yield* bytesOf(partsOf(manifest, within), step);
      at = end;
    }
  }
  return rangeOf;
}

/** Reads the content of a file, which may be in the trash. */
export function readFile(deps: ReadingDeps) {
  const seen = permitted(deps.mayAct, Permissions.readNode);
  const bytesOf = bytesOfFile(deps);
  type Outcome = Result<ReadableFile, Unseen | NotAFile | RevisionNotFound>;
  return async ({ nodeId, revision }: ReadFile, context: Context): Promise<Outcome> =>
    deps.read(context, async (scope): Promise<Outcome> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const { node } = found.value;
      if (node.kind !== "file") return err({ type: "not-a-file", nodeId });
      const content =
        revision === undefined ? node.content : await scope.revisions.byNumber(nodeId, revision);
      if (!content)
        return err({ type: "revision-not-found", revision: revision ?? node.content.revision });
      const held = { ...newContentOf(content), revision: content.revision };
      const file = { ...node, content: held };
      return ok({ file, bytes: (range) => bytesOf(file, range, context) });
    });
}
