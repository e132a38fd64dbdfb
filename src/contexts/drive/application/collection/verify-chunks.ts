import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import { expect, ok } from "#kernel/result.ts";
import type { Read, UnitOfWork } from "#kernel/unit-of-work.ts";
import type { Sha256 } from "../../domain/content.ts";
import { ChunkLost, type ChunkStore, type Digests, type KeptChunk } from "../ports/chunks.ts";
import type { PagePlace } from "../ports/revisions.ts";
import type { DriveScope } from "../ports/scope.ts";

/** A chunk that is not whole where it is kept, or that is kept nowhere. */
export type Damage = { readonly chunk: Sha256; readonly segment?: string; readonly why: string };

export type Verdict = {
  readonly chunks: number;
  readonly bytes: number;
  readonly damaged: readonly Damage[];
  /** Revisions that have such a chunk, as in `node_… revision 3`. */
  readonly files: readonly string[];
};

type Deps = {
  readonly unitOfWork: UnitOfWork<DriveScope>;
  readonly read: Read<DriveScope>;
  readonly store: ChunkStore;
  readonly digests: Digests;
  readonly clock: Clock;
  readonly onProgress: (done: number, total: number) => void;
};

const [pageChunks, pageManifests] = [500, 50];
/** One step of the work has so much time, as a request has. */
const stepMs = 30_000;

/** What is wrong with a chunk; undefined where it is whole. */
async function faultOf({ store, digests }: Deps, chunk: KeptChunk): Promise<string | undefined> {
  try {
    const bytes = await store.read(chunk);
    return digests.sha256(bytes) === chunk.hash ? undefined : "its bytes have changed";
  } catch (error) {
    // Any other error says nothing about the chunk.
    if (error instanceof ChunkLost) return error.message;
    throw error;
  }
}

/** Reads all chunks. Those that are not whole are in doubt from then on, and those that are whole no longer. */
async function readChunks(deps: Deps, context: () => Context) {
  const { read, unitOfWork, onProgress } = deps;
  const total = await read(context(), (scope) => scope.chunks.count());
  const damaged: Damage[] = [];
  let [chunks, bytes, after]: [number, number, Sha256 | undefined] = [0, 0, undefined];
  for (;;) {
    const page = await read(context(), (scope) => scope.chunks.page(after, pageChunks));
    for (const chunk of page) {
      const why = await faultOf(deps, chunk);
      chunks += 1;
      bytes += chunk.size;
      if (why !== undefined) damaged.push({ chunk: chunk.hash, segment: chunk.segment, why });
      if ((why !== undefined) === chunk.isDoubted) continue;
      const judge = ({ chunks: { doubt, trust } }: DriveScope) =>
        (why === undefined ? trust : doubt)(chunk.hash, chunk);
      expect(await unitOfWork(context(), async (scope) => ok(judge(scope))));
    }
    onProgress(chunks, total);
    const last = page.at(-1);
    if (!last) return { chunks, bytes, damaged };
    after = last.hash;
  }
}

/** Looks whether every revision has its chunks. */
async function readManifests({ read }: Deps, bad: ReadonlySet<Sha256>, context: () => Context) {
  const [files, missing] = [new Set<string>(), new Set<Sha256>()];
  let after: PagePlace | undefined;
  for (;;) {
    const pages = await read(context(), ({ revisions }) => revisions.pages(after, pageManifests));
    for (const { nodeId, revision, hashes } of pages) {
      const there = await read(context(), ({ chunks }) => chunks.located(hashes));
      for (const hash of hashes) {
        if (!there.has(hash)) missing.add(hash);
        if (bad.has(hash) || !there.has(hash)) files.add(`${nodeId} revision ${revision}`);
      }
    }
    const last = pages.at(-1);
    if (!last) return { files: [...files], missing: [...missing] };
    after = last;
  }
}

/** Reads every chunk and every manifest, and tells which chunks are damaged or missing, and whose they are. */
export async function verifyChunks(deps: Deps, asked: Context): Promise<Verdict> {
  const context = () => ({ ...asked, deadlineMs: deps.clock.unixMs() + stepMs });
  const { damaged, ...counts } = await readChunks(deps, context);
  const bad = new Set(damaged.map(({ chunk }) => chunk));
  const { files, missing } = await readManifests(deps, bad, context);
  const lost = missing.map((chunk) => ({ chunk, why: "it is kept nowhere" }));
  return { ...counts, damaged: [...damaged, ...lost], files };
}
