import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { shape, type Infer } from "#kernel/shape.ts";
import type { Read } from "#kernel/unit-of-work.ts";
import { partsOf, type ChunkPart, type Manifest, type Sha256 } from "../../domain/content.ts";
import { NodeId } from "../../domain/ids.ts";
import type { File, NotAFile } from "../../domain/node.ts";
import { permitted, type Unseen } from "../nodes/located.ts";
import { Permissions } from "../permission.ts";
import type { ChunkStore, Digests, Location } from "../ports/chunks.ts";
import type { DriveScope } from "../ports/scope.ts";

export const ReadFile = shape({ nodeId: NodeId });
export type ReadFile = Infer<typeof ReadFile>;

/** Chunks whose places are asked for together, and those of them that are read ahead. */
const [batchChunks, aheadChunks] = [64, 4];
/** One step of a download has so much time, as a request has. */
const stepMs = 10_000;

/** A file, and its bytes from one place up to another one. */
export type ReadableFile = {
  readonly file: File;
  readonly bytes: (range: {
    readonly from: number;
    readonly until: number;
  }) => AsyncIterable<Uint8Array>;
};

type Deps = {
  readonly read: Read<DriveScope>;
  readonly mayAct: MayAct;
  readonly clock: Clock;
  readonly store: ChunkStore;
  readonly digests: Digests;
};

/** Thrown where kept bytes are not those that were given: they are never served. */
export class ChunkDamaged extends Error {
  constructor(hash: Sha256, { segment, offset }: Location) {
    super(`the chunk ${hash} is damaged: segment ${segment}, offset ${offset}`);
  }
}

/** The bytes of a chunk, once they have proved to be its own. */
async function proven(
  { store, digests }: Pick<Deps, "store" | "digests">,
  hash: Sha256,
  location: Location | undefined,
): Promise<Uint8Array> {
  if (!location) throw new Error(`the chunk ${hash} is missing`);
  const bytes = await store.read(location);
  if ((await digests.sha256(bytes)) !== hash) throw new ChunkDamaged(hash, location);
  return bytes;
}

/** Reads parts in their order, some ahead of whoever takes them. */
async function* readAhead(
  parts: readonly ChunkPart[],
  read: (part: ChunkPart) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const coming: Promise<Uint8Array>[] = [];
  const begin = (part: ChunkPart | undefined) => {
    if (!part) return;
    const bytes = read(part);
    bytes.catch(() => {}); // told to whoever takes it
    coming.push(bytes);
  };
  for (const part of parts.slice(0, aheadChunks)) begin(part);
  for (const i of parts.keys()) {
    const next = await coming.shift();
    begin(parts[i + aheadChunks]);
    if (next) yield next;
  }
}

/** Reads the content of a file, which may be in the trash. */
export function readFile(deps: Deps) {
  const { read: ask, clock } = deps;
  const seen = permitted(deps.mayAct, Permissions.readNode);

  async function* bytesOf(parts: readonly ChunkPart[], context: Context) {
    for (let first = 0; first < parts.length; first += batchChunks) {
      const batch = parts.slice(first, first + batchChunks);
      const step = { ...context, deadlineMs: clock.unixMs() + stepMs };
      const places = await ask(step, ({ chunks }) => chunks.located(batch.map(({ hash }) => hash)));
      const read = async ({ hash, from, until }: ChunkPart) =>
        (await proven(deps, hash, places.get(hash))).subarray(from, until);
      yield* readAhead(batch, read);
    }
  }

  return async (
    { nodeId }: ReadFile,
    context: Context,
  ): Promise<Result<ReadableFile, Unseen | NotAFile>> =>
    ask(context, async (scope): Promise<Result<ReadableFile, Unseen | NotAFile>> => {
      const found = await seen(scope, nodeId, context);
      if (!found.ok) return found;
      const { node: file } = found.value;
      if (file.kind !== "file") return err({ type: "not-a-file", nodeId });
      const { revision } = file.content;
      const manifest: Manifest | undefined = await scope.revisions.manifest(nodeId, revision);
      if (!manifest) throw new Error(`${nodeId} has no revision ${revision}`);
      return ok({ file, bytes: (range) => bytesOf(partsOf(manifest, range), context) });
    });
}
