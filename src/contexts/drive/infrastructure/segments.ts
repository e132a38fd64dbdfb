import { existsSync } from "node:fs";
import path from "node:path";
import type { Logger } from "pino";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { ConfigurationInvalid } from "#platform/config/load.ts";
import { statement, type Database } from "#platform/postgres/database.ts";
import type { Finding } from "#platform/process/module.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import type { ChunkStore } from "../application/ports/chunks.ts";
import { SegmentId } from "../domain/ids.ts";
import { LocalSegments } from "./local-segments.ts";
import { askBucket, hasSegment, S3Segments, type Bucket } from "./s3-segments.ts";

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
type Machine = {
  readonly newId: NewId;
  readonly clock: Clock;
  readonly metrics: Metrics;
  readonly log: Pick<Logger, "error">;
};

/** Where chunks are kept, by the settings: in a bucket, or in the data folder. A bucket that does not answer is told in the log; it may answer later. */
export async function openSegments(
  settings: BucketSettings & { readonly dataFolder: string },
  { newId, clock, metrics, log }: Machine,
): Promise<ChunkStore & AsyncDisposable> {
  const bucket = bucketOf(settings);
  if (bucket) {
    const trouble = `the bucket ${bucket.bucket} keeps nothing: files cannot be sent or received`;
    askBucket(bucket).catch((error: unknown) => log.error({ err: error }, trouble));
    return S3Segments.open({ ...bucket, clock, metrics, newName: () => newId(SegmentId) });
  }
  const folder = path.join(settings.dataFolder, segmentFolder);
  return new LocalSegments({ folder, segmentBytes, clock, newName: () => newId(SegmentId) });
}

function bucketOf({ s3Bucket, s3Region, s3Url, ...keys }: BucketSettings): Bucket | undefined {
  const { s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = keys;
  const isMeant = [s3Url, accessKeyId, secretAccessKey].some((one) => one !== undefined);
  if (s3Bucket === undefined) {
    if (!isMeant) return undefined;
    throw new ConfigurationInvalid(["BASALT_S3_BUCKET is missing beside other settings of it"]);
  }
  if ((accessKeyId === undefined) !== (secretAccessKey === undefined))
    throw new ConfigurationInvalid([
      "BASALT_S3_ACCESS_KEY_ID and BASALT_S3_SECRET_ACCESS_KEY are set both, or neither",
    ]);
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

const someSegment = statement<{ readonly segment: string }>(
  "drive.some-segment",
  "select segment from drive.chunks where not is_doubted order by hash limit 1",
);

/** Tells the doctor whether the content of files is where the settings say, by one of its segments. */
export async function examineSegments(
  settings: BucketSettings & { readonly dataFolder: string },
  database: Database,
): Promise<readonly Finding[]> {
  const [some] = await database.query(someSegment, []);
  if (!some) return [];
  const bucket = bucketOf(settings);
  const folder = path.join(settings.dataFolder, segmentFolder);
  const where = bucket ? `bucket ${bucket.bucket}` : folder;
  const what = "content of files";
  try {
    const isThere = bucket
      ? await hasSegment(bucket, some.segment)
      : existsSync(path.join(folder, some.segment));
    const says = isThere
      ? `is in ${where}`
      : `is not in ${where}: was it moved, or is the setting another one?`;
    return [{ ok: isThere, what, says }];
  } catch (error) {
    return [{ ok: false, what, says: String(error) }];
  }
}
