import type { Context } from "#kernel/context.ts";
import type { MayAct } from "#kernel/permission.ts";
import { err, ok, expect, type Result } from "#kernel/result.ts";
import {
  branded,
  commaSeparated,
  handedOver,
  shape,
  type Brand,
  type Infer,
} from "#kernel/shape.ts";
import { UploadId } from "../../domain/ids.ts";
import {
  maxChunksAtOnce,
  type ChunkMismatch,
  type ChunkUnwanted,
  type WantedChunk,
} from "../../domain/upload.ts";
import { chunkBytes } from "../../domain/chunking.ts";
import { keeping, type KeepingDeps, type NamedBytes } from "../content/keep-chunks.ts";
import type { UploadedFile } from "../content/receive-content.ts";
import { stepMs } from "../content/write-file.ts";
import { ownUpload, type UploadUnseen } from "./upload-progress.ts";

/** Positions of chunks that follow each other, as in `4-17`, or of one, as in `4`. */
export type ChunkRange = Brand<string, "ChunkRange">;
const rangeOf = (text: string) => {
  const [first = "", last = first] = text.split("-");
  return { first: Number(first), last: Number(last) };
};
export const ChunkRange = branded<ChunkRange>("range of chunks", {
  schema: { type: "string", pattern: "^\\d{1,6}(-\\d{1,6})?$", maxLength: 13 },
  says: "the position of a chunk, or those of the first and the last one, as in `4-17`",
  parse(input) {
    const { first, last } = rangeOf(input);
    return first <= last ? input : undefined;
  },
});
const maxRanges = 256;
export const ChunkRanges = commaSeparated(ChunkRange, maxRanges);

/** As few ranges as say which chunks these are. They are in their order. */
export function rangesOf(chunks: readonly WantedChunk[]): readonly ChunkRange[] {
  const runs: { first: number; last: number }[] = [];
  for (const { position } of chunks) {
    const run = runs.at(-1);
    if (run?.last === position - 1) run.last = position;
    else runs.push({ first: position, last: position });
  }
  return runs.map(
    ({ first, last }) => (first === last ? `${first}` : `${first}-${last}`) as ChunkRange,
  );
}

export const ReceiveChunks = shape({
  uploadId: UploadId,
  chunks: ChunkRanges,
  content: handedOver<UploadedFile>("chunks", {
    type: "string",
    format: "binary",
    maxLength: maxChunksAtOnce * chunkBytes.most,
    description: "The bytes of the chunks, one after the other",
  }),
});
export type ReceiveChunks = Infer<typeof ReceiveChunks>;

type Deps = KeepingDeps & { readonly mayAct: MayAct };
export type TooManyChunks = { readonly type: "too-many-chunks"; readonly maxChunksAtOnce: number };
type Refused = UploadUnseen | ChunkMismatch | ChunkUnwanted | TooManyChunks;

/** Bytes of chunks that are kept together. */
const windowBytes = 2 ** 20;
/** Bytes after which what has come need not be sent again. */
const settledBytes = 4 * 2 ** 20;

function positionsOf(ranges: readonly ChunkRange[]): readonly number[] | undefined {
  const positions: number[] = [];
  for (const { first, last } of ranges.map(rangeOf)) {
    if (positions.length + last - first >= maxChunksAtOnce) return undefined;
    for (let at = first; at <= last; at += 1) positions.push(at);
  }
  return positions;
}

const mismatch = (position: number) => err<ChunkMismatch>({ type: "chunk-mismatch", position });

/** Cuts a body into the chunks that it should have. */
async function* cut(
  bytes: AsyncIterable<Uint8Array>,
  chunks: readonly WantedChunk[],
): AsyncGenerator<
  Result<{ readonly chunk: WantedChunk; readonly bytes: Uint8Array }, ChunkMismatch>
> {
  let [next, filled] = [0, 0];
  let chunk = chunks[next];
  let whole = new Uint8Array(chunk?.size ?? 0);
  for await (const piece of bytes)
    for (let taken = 0; taken < piece.length;) {
      if (!chunk) {
        yield mismatch(chunks.at(-1)?.position ?? 0);
        return;
      }
      const some = piece.subarray(taken, taken + chunk.size - filled);
      whole.set(some, filled);
      [taken, filled] = [taken + some.length, filled + some.length];
      if (filled < chunk.size) continue;
      yield ok({ chunk, bytes: whole });
      [next, filled] = [next + 1, 0];
      chunk = chunks[next];
      whole = new Uint8Array(chunk?.size ?? 0);
    }
  if (chunk) yield mismatch(chunk.position);
}

/** Keeps chunks that come for an upload. */
function collecting(deps: Deps, uploadId: UploadId, step: () => Context) {
  const { unitOfWork, clock } = deps;
  let kept = keeping(deps, step);
  let window: NamedBytes[] = [];
  let positions: number[] = [];
  let [inWindow, unsettled] = [0, 0];
  async function keep() {
    const some = window;
    [window, inWindow] = [[], 0];
    await kept.keep(some);
  }
  /** What has come until now outlives a crash, and is known to have come. */
  async function settle() {
    if (positions.length === 0) return;
    await keep();
    const [fresh, come] = [await kept.rest(), positions];
    [kept, positions, unsettled] = [keeping(deps, step), [], 0];
    const add = unitOfWork(step(), async ({ chunks, uploads }) => {
      chunks.add(fresh, clock.now());
      return ok(uploads.come(uploadId, come));
    });
    expect(await add);
  }
  return {
    settle,
    async take({ hash, position }: WantedChunk, bytes: Uint8Array) {
      window.push({ hash, bytes });
      positions.push(position);
      inWindow += bytes.length;
      unsettled += bytes.length;
      if (inWindow >= windowBytes) await keep();
      if (unsettled >= settledBytes) await settle();
    },
  };
}

/** Receives chunks of an upload. Those that have come whole before a body breaks off need not be sent again. */
export function receiveChunks(deps: Deps) {
  const { read, digests, clock } = deps;
  const own = ownUpload(deps);

  async function receive(
    bytes: AsyncIterable<Uint8Array>,
    { uploadId, wanted }: { readonly uploadId: UploadId; readonly wanted: readonly WantedChunk[] },
    step: () => Context,
  ): Promise<Result<void, ChunkMismatch>> {
    const { take, settle } = collecting(deps, uploadId, step);
    try {
      for await (const found of cut(bytes, wanted)) {
        if (!found.ok) return found;
        const { chunk, bytes: whole } = found.value;
        if (digests.sha256(whole) !== chunk.hash) return mismatch(chunk.position);
        await take(chunk, whole);
      }
      return ok(undefined);
    } finally {
      await settle();
    }
  }

  type Outcome = Result<void, Refused>;
  return async (
    { uploadId, chunks, content }: ReceiveChunks,
    { idempotency: _idempotency, ...context }: Context,
  ): Promise<Outcome> => {
    const step = () => ({ ...context, deadlineMs: clock.unixMs() + stepMs });
    const positions = positionsOf(chunks);
    if (!positions) return err({ type: "too-many-chunks", maxChunksAtOnce });
    const asked = await read(
      step(),
      async (scope): Promise<Result<readonly WantedChunk[], Refused>> => {
        const found = await own(scope, uploadId, context);
        if (!found.ok) return found;
        const wanted = await scope.uploads.wanted(uploadId, positions);
        const known = new Map(wanted.map((chunk) => [chunk.position, chunk]));
        const unwanted = positions.find((one) => !known.has(one));
        if (unwanted !== undefined) return err({ type: "chunk-unwanted", position: unwanted });
        return ok(positions.flatMap((one) => known.get(one) ?? []));
      },
    );
    if (!asked.ok) return asked;
    return content.receive((bytes) => receive(bytes, { uploadId, wanted: asked.value }, step));
  };
}
