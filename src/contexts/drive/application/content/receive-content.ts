import type { Context } from "#kernel/context.ts";
import type { Instant } from "#kernel/instant.ts";
import { err, ok, type Result } from "#kernel/result.ts";
import { chunksOf } from "../../domain/cut-chunks.ts";
import {
  maxFileBytes,
  type ByteCount,
  type ChunkRef,
  type Manifest,
  type MediaType,
  type NewContent,
  type Sha256,
} from "../../domain/content.ts";
import type { StagingId } from "../../domain/ids.ts";
import type { Digests, Location } from "../ports/chunks.ts";
import type { Quota, QuotaExceeded } from "./quota.ts";
import { keeping, type KeepingDeps } from "./keep-chunks.ts";

export type FileTooLarge = { readonly type: "file-too-large"; readonly maxFileBytes: number };

/** The content of a file that has arrived. `fresh`: chunks that are not in the index yet, and where they are. */
export type Received = NewContent & {
  readonly manifest: Manifest;
  readonly fresh: ReadonlyMap<Sha256, Location>;
};

/** A content that was put together, and whose chunks are kept already. */
export type KeptFile = { readonly stagingId: StagingId; readonly kept: Received };

/** A body that arrives once. Whoever asks again, after a lost race, is given what the first one has received. */
export type UploadedFile = {
  readonly receive: <T>(work: (bytes: AsyncIterable<Uint8Array>) => Promise<T>) => Promise<T>;
};

/** Counts and digests bytes that pass. */
function measured(bytes: AsyncIterable<Uint8Array>, digest: ReturnType<Digests["running"]>) {
  const seen = { size: 0 };
  async function* passing(): AsyncGenerator<Uint8Array> {
    for await (const piece of bytes) {
      seen.size += piece.length;
      if (seen.size > maxFileBytes) return;
      digest.update(piece);
      yield piece;
    }
  }
  return { passing: passing(), seen };
}

/**
 * Keeps the chunks of a file as it arrives, and returns once they outlive a crash. While some are kept, the next ones arrive. A file that does not go into
 * `room` is refused before its end. `digest`: of what came before, of which the hash is then, too. Nothing refers to the chunks yet: an upload that breaks off leaves some that belong to nobody.
 */
export async function receiveContent(
  deps: KeepingDeps,
  bytes: AsyncIterable<Uint8Array>,
  {
    context,
    room,
    quotaBytes,
    modifiedAt,
    digest = deps.digests.running(),
  }: Quota & {
    readonly context: () => Context;
    readonly room: number;
    readonly modifiedAt: Instant;
    readonly digest?: ReturnType<Digests["running"]>;
  },
): Promise<Result<Received, FileTooLarge | QuotaExceeded>> {
  const { passing, seen } = measured(bytes, digest);
  const { keep, rest } = keeping(deps, context);
  const manifest: ChunkRef[] = [];
  let underWay = Promise.resolve();
  let sniffed: Promise<MediaType> | undefined;
  for await (const chunks of chunksOf(passing)) {
    sniffed ??= deps.sniff(chunks[0]);
    await underWay;
    // Whether the bytes are known already would tell what others have.
    if (quotaBytes !== undefined && seen.size > room)
      return err({
        type: "quota-exceeded",
        quotaBytes,
        usedBytes: quotaBytes - room,
        neededBytes: seen.size,
      });
    const named = chunks.map((one) => ({ hash: deps.digests.sha256(one), bytes: one }));
    for (const {
      hash,
      bytes: { length: size },
    } of named)
      manifest.push({ hash, size });
    underWay = keep(named);
    underWay.catch(() => {}); // told by whoever waits for it, unless the upload has broken off
  }
  await underWay;
  if (seen.size > maxFileBytes) return err({ type: "file-too-large", maxFileBytes });
  const fresh = await rest();
  const told = { size: seen.size as ByteCount, hash: digest.soFar() };
  const mediaType = await (sniffed ?? deps.sniff(undefined));
  return ok({ manifest, fresh, ...told, mediaType, modifiedAt });
}
