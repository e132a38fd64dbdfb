import { mkdir, open, readdir, rm, stat, type FileHandle } from "node:fs/promises";
import path from "node:path";
import { Unavailable } from "#platform/unavailable.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import {
  ChunkLost,
  type ChunkStore,
  type Location,
  type Segment as SegmentFacts,
} from "../application/ports/chunks.ts";

/** Segments that stay open for reading, unless more are read at once. */
const mostOpen = 64;

/** How long chunks are appended to one segment. */
const appendedForMs = 3_600_000;

type Segment = {
  readonly name: string;
  readonly file: FileHandle;
  readonly begunAtMs: number;
  size: number;
};
type Opened = { readonly file: Promise<FileHandle>; readers: number };

type Options = {
  readonly folder: string;
  /** A segment that has so many bytes is closed, and another one begun. */
  readonly segmentBytes: number;
  readonly clock: Pick<Clock, "unixMs">;
  /** A name for each new segment, which no other process has. */
  readonly newName: () => string;
};

/**
 * Chunks in files of a folder, one after the other. Each process appends to segments of its own. One flush serves all callers that wait for one; a flush that
 * is under way may have begun too early for a caller, who waits for the next one then.
 */
export class LocalSegments implements ChunkStore, AsyncDisposable {
  /** One of each hour and process at most. */
  readonly smallBytes = 0;
  readonly #options: Options;
  readonly #opened = new Map<string, Opened>();
  #appending: Segment | undefined;
  /** Appends follow one another. */
  #turn: Promise<unknown> = Promise.resolve();
  #unflushed = new Set<Segment>();
  /** Their last flush failed, so that nobody knows what of them is safe. Nothing is appended to them any more. */
  readonly #broken = new Set<string>();
  /** The last flush that has begun, and the one that begins after it. */
  #flushing: Promise<void> = Promise.resolve();
  #next: Promise<void> | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  readonly put = (chunks: readonly Uint8Array[]): Promise<readonly Location[]> => {
    if (chunks.length === 0) return Promise.resolve([]);
    const done = this.#turn.then(() => this.#append(chunks));
    this.#turn = done.catch(() => {});
    return done;
  };

  readonly flush = async (locations: Iterable<Location>): Promise<void> => {
    const segments = new Set([...locations].map(({ segment }) => segment));
    if (segments.size === 0) return;
    await this.#flushed();
    for (const segment of segments)
      if (this.#broken.has(segment)) throw new Error(`segment ${segment} could not be flushed`);
  };

  readonly read = async ({ segment, offset, size }: Location): Promise<Uint8Array> => {
    const opened = this.#open(segment);
    try {
      const bytes = Buffer.allocUnsafe(size);
      const { bytesRead } = await (await opened.file).read(bytes, 0, size, offset);
      if (bytesRead !== size)
        throw new ChunkLost(`segment ${segment} ends before ${offset + size}`);
      return bytes;
    } catch (error) {
      if (!isOneOf(error, ["ENOENT", "EIO"])) throw error;
      throw new ChunkLost(`segment ${segment} cannot be read`, { cause: error });
    } finally {
      opened.readers -= 1;
    }
  };

  readonly segments = async (): Promise<readonly SegmentFacts[]> => {
    const { folder } = this.#options;
    const entries = await unlessGone(readdir(folder, { withFileTypes: true }));
    const ours = (entries ?? []).filter((entry) => entry.isFile() && /^[\w-]+$/.test(entry.name));
    const found = ours.map(async ({ name }) => {
      const facts = await unlessGone(stat(path.join(folder, name)));
      if (!facts) return [];
      const changedAt = Instant.fromUnixMs(Math.floor(facts.mtimeMs));
      return [{ name, bytes: facts.size, changedAt }];
    });
    return (await Promise.all(found)).flat();
  };

  readonly remove = async (segment: string): Promise<void> => {
    const opened = this.#opened.get(segment);
    this.#opened.delete(segment);
    if (opened) void closed(opened.file);
    await rm(path.join(this.#options.folder, path.basename(segment)), { force: true });
  };

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    if (this.#appending) await this.#leave(this.#appending);
    for (const { file } of this.#opened.values()) await closed(file);
  }

  async #append(chunks: readonly Uint8Array[]): Promise<readonly Location[]> {
    if (this.#appending && this.#isOld(this.#appending)) await this.#leave(this.#appending);
    const segment = (this.#appending ??= await this.#begin());
    let end = segment.size;
    const locations = chunks.map(({ length: size }) => {
      const location = { segment: segment.name, offset: end, size };
      end += size;
      return location;
    });
    try {
      await writeAll(segment.file, chunks, segment.size);
    } catch (error) {
      await segment.file.truncate(segment.size).catch(() => this.#leave(segment));
      throw isFull(error) ? new Unavailable("There is no room for files", { cause: error }) : error;
    }
    segment.size = end;
    this.#unflushed.add(segment);
    if (end >= this.#options.segmentBytes) await this.#leave(segment);
    return locations;
  }

  async #begin(): Promise<Segment> {
    const { folder, newName } = this.#options;
    await mkdir(folder, { recursive: true });
    const name = newName();
    const file = await open(path.join(folder, name), "wx");
    await flushFolder(folder).catch(async (error: unknown) => {
      await file.close();
      throw error;
    });
    return { name, file, size: 0, begunAtMs: this.#options.clock.unixMs() };
  }

  /** One that nobody has written to for a day may be collected: nothing is appended to it any more. */
  #isOld({ begunAtMs }: Segment): boolean {
    return this.#options.clock.unixMs() - begunAtMs > appendedForMs;
  }

  /** Nothing more is appended to a segment, which is closed once it is safe. */
  async #leave(segment: Segment): Promise<void> {
    this.#appending = undefined;
    await this.#flushed();
    await segment.file.close();
  }

  /** Callers share the flush that has not begun yet: one that is under way may have begun before their bytes came. */
  #flushed(): Promise<void> {
    this.#next ??= this.#flushing.then(() => {
      this.#next = undefined;
      this.#flushing = this.#flushAll();
      return this.#flushing;
    });
    return this.#next;
  }

  async #flushAll(): Promise<void> {
    const segments = this.#unflushed;
    this.#unflushed = new Set();
    for (const segment of segments)
      await segment.file.datasync().catch(async () => {
        this.#broken.add(segment.name);
        if (this.#appending !== segment) return;
        this.#appending = undefined;
        await segment.file.close().catch(() => {});
      });
  }

  /** The file of a segment, with one reader more. */
  #open(segment: string): Opened {
    const known = this.#opened.get(segment);
    if (known) {
      known.readers += 1;
      return known;
    }
    const file = open(path.join(this.#options.folder, path.basename(segment)), "r");
    const opened = { file, readers: 1 };
    this.#opened.set(segment, opened);
    file.catch(() => this.#opened.delete(segment));
    this.#closeSome();
    return opened;
  }

  #closeSome(): void {
    for (const [name, { file, readers }] of this.#opened) {
      if (this.#opened.size <= mostOpen) return;
      if (readers > 0) continue;
      this.#opened.delete(name);
      void closed(file);
    }
  }
}

const isOneOf = (error: unknown, codes: readonly string[]): boolean =>
  error instanceof Error && "code" in error && codes.includes(String(error.code));

const isFull = (error: unknown): boolean => isOneOf(error, ["ENOSPC", "EDQUOT"]);

const closed = (file: Promise<FileHandle>): Promise<void> =>
  file.then(
    (handle) => handle.close(),
    () => {},
  );

const unlessGone = <T>(found: Promise<T>): Promise<T | undefined> =>
  found.catch((error: unknown) => {
    if (isOneOf(error, ["ENOENT"])) return undefined;
    throw error;
  });

/** Returns once the entries of a folder outlive a crash of the machine. Windows keeps them by itself. */
async function flushFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}

/** Writes pieces at a place of a file. Where the system takes fewer bytes at once, it is given the others again. */
async function writeAll(
  file: FileHandle,
  pieces: readonly Uint8Array[],
  from: number,
): Promise<void> {
  const { bytesWritten } = await file.writev([...pieces], from);
  const size = pieces.reduce((sum, { length }) => sum + length, 0);
  if (bytesWritten === size) return;
  const rest = Buffer.concat(pieces).subarray(bytesWritten);
  await writeAll(file, [rest], from + bytesWritten);
}
