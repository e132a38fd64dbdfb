import path from "node:path";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Finding } from "#platform/process/module.ts";
import { createMetrics, type Metrics } from "#platform/telemetry/metrics.ts";
import { systemRuntime } from "#platform/system.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { SegmentId } from "../domain/ids.ts";
import { LocalSegments } from "./local-segments.ts";
import { S3Segments } from "./s3-segments.ts";

/** Below the data folder. */
export const segmentFolder = "drive/segments";
/** Bytes of one file of chunks. */
const segmentBytes = 256 * 2 ** 20;

type BucketSettings = {
  readonly s3Bucket?: string | undefined;
  readonly s3Region: string;
  readonly s3Url?: string | undefined;
  readonly s3AccessKeyId?: string | undefined;
  readonly s3SecretAccessKey?: string | undefined;
};
type Machine = { readonly newId: NewId; readonly clock: Clock; readonly metrics: Metrics };

/** Where chunks are kept, by the settings: in a bucket, or in the data folder. */
export async function openSegments(
  settings: BucketSettings & { readonly dataFolder: string },
  machine: Machine,
): Promise<ChunkStore & AsyncDisposable> {
  if (settings.s3Bucket !== undefined)
    return openBucket({ ...settings, s3Bucket: settings.s3Bucket }, machine);
  const { newId, clock } = machine;
  const folder = path.join(settings.dataFolder, segmentFolder);
  return new LocalSegments({ folder, segmentBytes, clock, newName: () => newId(SegmentId) });
}

function openBucket(
  { s3Bucket, s3Region, s3Url, ...keys }: BucketSettings & { readonly s3Bucket: string },
  { newId, ...machine }: Machine,
): Promise<S3Segments> {
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = keys;
  return S3Segments.open({
    ...machine,
    bucket: s3Bucket,
    region: s3Region,
    endpoint: s3Url,
    keys: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
    newName: () => newId(SegmentId),
  });
}

/** Tells the doctor whether the bucket answers, if there is one. */
export async function examineBucket(settings: BucketSettings): Promise<readonly Finding[]> {
  const { s3Bucket } = settings;
  if (s3Bucket === undefined) return [];
  const what = `bucket ${s3Bucket}`;
  const machine = { ...systemRuntime, metrics: createMetrics() };
  await using bucket = await openBucket({ ...settings, s3Bucket }, machine);
  try {
    await bucket.examine();
    return [{ ok: true, what, says: "answers" }];
  } catch (error) {
    return [{ ok: false, what, says: reason(error) }];
  }
}

/** The innermost reason, which is what the other side has said. */
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`;
}
