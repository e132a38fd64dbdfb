import type { S3 } from "@aws-sdk/client-s3";
import { LRUCache } from "lru-cache";
import { Instant, type Clock } from "#kernel/instant.ts";
import { upstream, UpstreamRefused, type Upstream } from "#platform/resilience/upstream.ts";
import { Unavailable } from "#platform/unavailable.ts";
import type { Metrics } from "#platform/telemetry/metrics.ts";
import {
  ChunkLost,
  type ChunkStore,
  type Location,
  type Segment,
} from "../application/ports/chunks.ts";

/** A bucket, and how it is reached. Without keys, those of the machine are used, as other programs of AWS find them. */
export type Bucket = {
  readonly bucket: string;
  readonly region: string;
  /** The address of a server that is not Amazon's. */
  readonly endpoint?: string | undefined;
  readonly keys?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
};

type Options = Bucket & {
  readonly clock: Clock;
  readonly metrics: Metrics;
  /** A name for each new segment, which no other process has. */
  readonly newName: () => string;
  /** A segment that has so many bytes is sent without waiting for a flush. */
  readonly segmentBytes?: number;
  /** How long one request may take, if it is less than usual. */
  readonly attemptMs?: number;
  /** Objects that are listed by one request. */
  readonly listed?: number;
};

/** Objects of other programs in the bucket are not looked at. */
const folder = "drive/segments/";
const mebibyte = 2 ** 20;
/** Segments that are sent at once. */
const sentAtOnce = 4;
/** Bytes that one request reads, since a smaller one takes as long, and bytes that are kept in memory for the next reads. */
const [blockBytes, keptBytes] = [mebibyte, 32 * mebibyte];
/** How long an operation may take with all its attempts. */
const operationMs = 60_000;
/** How long one request may take. */
const requestMs = 15_000;
const limits = { retries: 4, retryMs: 100, breakAfter: 10, atOnce: 32, waiting: 1_024 };

type Pending = {
  readonly name: string;
  readonly chunks: Uint8Array[];
  readonly kept: PromiseWithResolvers<void>;
  size: number;
  /** Somebody waits for it, although it is not full. */
  isWanted: boolean;
};

/**
 * Chunks in the objects of a bucket, packed together as they come: those that arrive while others are sent share the next object. No object is ever written again,
 * so that a request may be repeated.
 */
export class S3Segments implements ChunkStore, AsyncDisposable {
  readonly smallBytes = mebibyte;
  readonly #s3: S3;
  readonly #options: Options;
  readonly #call: Upstream;
  readonly #blocks = new LRUCache<string, Uint8Array>({
    maxSize: keptBytes,
    // An end of a segment may have no bytes.
    sizeCalculation: ({ length }) => length + 1,
  });
  /** Blocks that are on their way. */
  readonly #reading = new Map<string, Promise<Uint8Array>>();
  /** Takes chunks. */
  #filling: Pending | undefined;
  /** Full, and not sent yet. */
  readonly #full: Pending[] = [];
  /** Segments that are not safe yet, by their names. One that could not be sent stays: a flush of its chunks fails from then on. */
  readonly #unsafe = new Map<string, Promise<void>>();
  #sending = 0;
  #isClosed = false;

  private constructor(s3: S3, options: Options) {
    const { clock, metrics, attemptMs = requestMs } = options;
    this.#s3 = s3;
    this.#options = options;
    const name = "object-storage";
    this.#call = upstream({ name, clock, metrics, limits: { ...limits, attemptMs } });
  }

  static async open(options: Options): Promise<S3Segments> {
    return new S3Segments(await clientOf(options), options);
  }

  readonly put = async (chunks: readonly Uint8Array[]): Promise<readonly Location[]> => {
    if (this.#isClosed) throw new Unavailable("object storage is left: the process stops", {});
    const locations = chunks.map((bytes) => this.#append(bytes));
    // A caller who gives more than the bucket takes waits here, so that memory stays flat.
    await this.#full[0]?.kept.promise.catch(() => {});
    return locations;
  };

  readonly flush = async (locations: Iterable<Location>): Promise<void> => {
    const segments = new Set([...locations].map(({ segment }) => segment));
    if (this.#filling && segments.has(this.#filling.name)) this.#filling.isWanted = true;
    this.#sendSome();
    for (const name of segments) await this.#unsafe.get(name);
  };

  readonly read = async ({ segment, offset, size }: Location): Promise<Uint8Array> => {
    const first = Math.floor(offset / blockBytes);
    const count = Math.floor((offset + size - 1) / blockBytes) - first + 1;
    const blocks = await Promise.all(
      Array.from({ length: count }, (_, i) => this.#block(segment, first + i)),
    );
    const from = offset - first * blockBytes;
    const bytes = Buffer.concat(blocks).subarray(from, from + size);
    if (bytes.length === size) return bytes;
    throw new ChunkLost(`segment ${segment} ends before ${offset + size}`);
  };

  readonly segments = async (): Promise<readonly Segment[]> => {
    const found: Segment[] = [];
    const { bucket: Bucket, listed: MaxKeys = 1_000 } = this.#options;
    let after: string | undefined;
    for (;;) {
      const asked = { Bucket, Prefix: folder, MaxKeys, ...(after && { StartAfter: after }) };
      const page = await this.#ask(async (abortSignal) => {
        const answer = await this.#s3.listObjectsV2(asked, { abortSignal });
        if (answer.Name === undefined) throw new Error("an answer names no bucket");
        return answer;
      });
      for (const { Key = "", Size = 0, LastModified } of page.Contents ?? []) {
        const name = Key.slice(folder.length);
        if (!LastModified || !/^[\w-]+$/.test(name)) continue;
        found.push({ name, bytes: Size, changedAt: Instant.fromUnixMs(LastModified.getTime()) });
      }
      after = page.Contents?.at(-1)?.Key;
      if (page.IsTruncated !== true || after === undefined) return found;
    }
  };

  readonly remove = async (segment: string): Promise<void> => {
    const object = this.#object(segment);
    await this.#ask((abortSignal) => this.#s3.deleteObject(object, { abortSignal }));
  };

  /** Segments that were not sent are lost: a flush of their chunks fails. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    for (const { kept } of [...this.#full.splice(0), ...(this.#filling ? [this.#filling] : [])])
      kept.reject(new Unavailable("object storage is left: the process stops", {}));
    this.#filling = undefined;
    this.#s3.destroy();
  }

  #object(segment: string) {
    return { Bucket: this.#options.bucket, Key: folder + segment };
  }

  /** Asks again where that may help. */
  #ask<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const told = (signal: AbortSignal) =>
      work(signal).catch((cause: unknown) => {
        throw isRefusal(cause)
          ? new UpstreamRefused("The object storage refuses this", { cause })
          : cause;
      });
    return this.#call(told, this.#options.clock.unixMs() + operationMs);
  }

  #append(bytes: Uint8Array): Location {
    const pending = (this.#filling ??= this.#begin());
    const location = { segment: pending.name, offset: pending.size, size: bytes.length };
    // The caller may use the memory of its chunks again.
    pending.chunks.push(bytes.slice());
    pending.size += bytes.length;
    if (pending.size >= (this.#options.segmentBytes ?? 8 * mebibyte)) {
      this.#full.push(pending);
      this.#filling = undefined;
      this.#sendSome();
    }
    return location;
  }

  #begin(): Pending {
    const kept = Promise.withResolvers<void>();
    kept.promise.catch(() => {}); // a flush tells it
    const name = this.#options.newName();
    this.#unsafe.set(name, kept.promise);
    return { name, chunks: [], kept, size: 0, isWanted: false };
  }

  /** Sends full segments first, and then the one that is filling, if a flush waits for it. Chunks that come meanwhile share the next one. */
  #sendSome(): void {
    while (this.#sending < sentAtOnce) {
      const next = this.#full.shift() ?? this.#wanted();
      if (!next) return;
      this.#sending += 1;
      void this.#sent(next);
    }
  }

  #wanted(): Pending | undefined {
    const pending = this.#filling;
    if (pending?.isWanted !== true) return undefined;
    this.#filling = undefined;
    return pending;
  }

  async #sent({ name, chunks, kept }: Pending): Promise<void> {
    const object = { ...this.#object(name), Body: Buffer.concat(chunks) };
    chunks.length = 0;
    try {
      await this.#ask(async (abortSignal) => {
        const { ETag } = await this.#s3.putObject(object, { abortSignal });
        if (!ETag) throw new Error("an answer without the tag of an object is none of a storage");
      });
      this.#unsafe.delete(name);
      kept.resolve();
    } catch (error) {
      // The error of the library has the request, and all bytes of the segment: its text is kept alone.
      const { cause: reason = error } = error as Error;
      const cause = new Error(String(reason));
      kept.reject(new Unavailable("The object storage takes no files now", { cause }));
    } finally {
      this.#sending -= 1;
      this.#sendSome();
    }
  }

  /** Whoever asks for a block that is on its way waits for it. */
  async #block(segment: string, number: number): Promise<Uint8Array> {
    const key = `${segment}/${number}`;
    const known = this.#blocks.get(key) ?? this.#reading.get(key);
    if (known) return known;
    const reading = this.#readBlock(segment, number * blockBytes);
    this.#reading.set(key, reading);
    try {
      const bytes = await reading;
      this.#blocks.set(key, bytes);
      return bytes;
    } finally {
      this.#reading.delete(key);
    }
  }

  /** The bytes of a block that are there. */
  async #readBlock(segment: string, from: number): Promise<Uint8Array> {
    const asked = { ...this.#object(segment), Range: `bytes=${from}-${from + blockBytes - 1}` };
    const bytes = await this.#ask((abortSignal) =>
      this.#s3.getObject(asked, { abortSignal }).then(
        async ({ Body, ContentRange }) =>
          whole(await Body?.transformToByteArray(), ContentRange, from),
        (error: unknown) => {
          if (isNamed(error, "NoSuchKey", "InvalidRange")) return undefined;
          throw error;
        },
      ),
    );
    if (bytes) return bytes;
    throw new ChunkLost(`segment ${segment} has nothing at ${from}`);
  }
}

/** Loads the library of Amazon, which takes time and memory, where there is a bucket only. */
async function clientOf({ endpoint, region, keys }: Bucket): Promise<S3> {
  const sdk = await import("@aws-sdk/client-s3");
  return new sdk.S3({
    region,
    maxAttempts: 1,
    ...(endpoint === undefined ? {} : { endpoint, forcePathStyle: true }),
    ...(keys && { credentials: keys }),
    // Chunks are compared with their own hashes.
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: {
      connectionTimeout: requestMs,
      requestTimeout: requestMs,
      throwOnRequestTimeout: true,
    },
  });
}

/** Throws where a bucket does not keep an object, or cannot be listed. */
export async function askBucket({ bucket: Bucket, ...reached }: Bucket): Promise<void> {
  const s3 = await clientOf({ bucket: Bucket, ...reached });
  const object = { Bucket, Key: `drive/examined-${process.pid}` };
  try {
    await s3.listObjectsV2({ Bucket, Prefix: folder, MaxKeys: 1 });
    await s3.putObject({ ...object, Body: object.Key });
    const { Body } = await s3.getObject(object);
    if ((await Body?.transformToString()) !== object.Key)
      throw new Error("what was just kept is not there");
    await s3.deleteObject(object);
  } finally {
    s3.destroy();
  }
}

/** Whether a segment is in a bucket. Throws where that cannot be asked. */
export async function hasSegment(
  { bucket, ...reached }: Bucket,
  segment: string,
): Promise<boolean> {
  const s3 = await clientOf({ bucket, ...reached });
  try {
    const asked = { Bucket: bucket, Prefix: folder + segment, MaxKeys: 1 };
    const { Contents = [] } = await s3.listObjectsV2(asked);
    return Contents.some(({ Key }) => Key === folder + segment);
  } finally {
    s3.destroy();
  }
}

const isNamed = (error: unknown, ...names: readonly string[]): boolean =>
  error instanceof Error && names.includes(error.name);

/** An answer that would be the same another time, as where there is no such bucket. */
function isRefusal(error: unknown): error is Error {
  if (!(error instanceof Error && "$metadata" in error)) return false;
  const { httpStatusCode: status = 500 } = error.$metadata as { readonly httpStatusCode?: number };
  const isPassing = status === 408 || status === 429 || error.name === "RequestTimeout";
  return status >= 400 && status < 500 && !isPassing;
}

/** A body that ends before it should, or is of another place, says nothing about what is kept. */
function whole(bytes: Uint8Array | undefined, range: string | undefined, from: number): Uint8Array {
  const [, first, last, size] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range ?? "") ?? [];
  const until = Math.min(from + blockBytes, Number(size));
  const isAsked = Number(first) === from && Number(last) === until - 1;
  if (bytes && isAsked && bytes.length === until - from) return bytes;
  throw new Error(`an answer has ${bytes?.length ?? 0} bytes of ${range}, from ${from} on asked`);
}
