import path from "node:path";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Finding } from "#platform/process/module.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { SegmentId } from "../domain/ids.ts";
import { LocalSegments } from "./local-segments.ts";
import { askBucket, S3Segments, type Bucket } from "./s3-segments.ts";

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
  const { newId, clock } = machine;
  const bucket = bucketOf(settings);
  if (bucket) return S3Segments.open({ ...bucket, ...machine, newName: () => newId(SegmentId) });
  const folder = path.join(settings.dataFolder, segmentFolder);
  return new LocalSegments({ folder, segmentBytes, clock, newName: () => newId(SegmentId) });
}

function bucketOf({ s3Bucket, s3Region, s3Url, ...keys }: BucketSettings): Bucket | undefined {
  if (s3Bucket === undefined) return undefined;
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = keys;
  return {
    bucket: s3Bucket,
    region: s3Region,
    endpoint: s3Url,
    keys: accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined,
  };
}

/** Tells the doctor whether the bucket answers, if there is one. */
export async function examineBucket(settings: BucketSettings): Promise<readonly Finding[]> {
  const bucket = bucketOf(settings);
  if (!bucket) return [];
  const what = `bucket ${bucket.bucket}`;
  try {
    await askBucket(bucket);
    return [{ ok: true, what, says: "answers" }];
  } catch (error) {
    return [{ ok: false, what, says: String(error) }];
  }
}
