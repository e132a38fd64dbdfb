import type { Instant } from "#kernel/instant.ts";
import type { MediaType, Sha256 } from "../../domain/content.ts";

/** Where the bytes of a chunk are kept. */
export type Location = {
  readonly segment: string;
  readonly offset: number;
  readonly size: number;
};

/** Thrown by a store that lacks bytes at a location, in whole or in part; not where it could not look. */
export class ChunkLost extends Error {}

/** Port: keeps bytes. Nothing is ever overwritten. */
export type ChunkStore = {
  /** Appends chunks, which are safe once `flush` has returned. */
  readonly put: (chunks: readonly Uint8Array[]) => Promise<readonly Location[]>;
  /** Returns once what was put at these places outlives a crash of the machine. */
  readonly flush: (locations: Iterable<Location>) => Promise<void>;
  /** Throws `ChunkLost` where nothing is kept, or fewer bytes. */
  readonly read: (location: Location) => Promise<Uint8Array>;
  readonly segments: () => Promise<readonly Segment[]>;
  /** Removes a segment with all that is in it. */
  readonly remove: (segment: string) => Promise<void>;
  /** Segments with fewer bytes are worth putting together; 0 where there are none. */
  readonly smallBytes: number;
};

/** Where chunks are kept together. `changedAt`: when the last one was put there. */
export type Segment = {
  readonly name: string;
  readonly bytes: number;
  readonly changedAt: Instant;
};

/** `isDoubted`: it was not found whole there; it is looked for there still. `usedAt`: when an upload gave its bytes last, to the hour. */
export type Kept = Location & { readonly isDoubted: boolean; readonly usedAt: Instant };
export type KeptChunk = Kept & { readonly hash: Sha256 };

/** Knows where chunks are. */
export type ChunkIndex = {
  readonly located: (hashes: readonly Sha256[]) => Promise<ReadonlyMap<Sha256, Kept>>;
  /** A chunk that another unit of work has added meanwhile keeps its location, unless that is in doubt. */
  readonly add: (locations: ReadonlyMap<Sha256, Location>, at: Instant) => void;
  /** Says that an upload relies on chunks, if they are there still. */
  readonly use: (hashes: readonly Sha256[], at: Instant) => void;
  /** Lets whoever gives the same bytes again put them elsewhere, if the chunk is there still. */
  readonly doubt: (hash: Sha256, location: Location) => void;
  /** Ends the doubt about a chunk, if it is there still. */
  readonly trust: (hash: Sha256, location: Location) => void;
  readonly count: () => Promise<number>;
  /** Chunks in the order of their names, after one of them. */
  readonly page: (after: Sha256 | undefined, limit: number) => Promise<readonly KeptChunk[]>;
  /** Chunks that are kept in some segments, besides those in doubt. */
  readonly inSegments: (
    segments: readonly string[],
    limit: number,
  ) => Promise<readonly KeptChunk[]>;
  /** Bytes of chunks in a segment. */
  readonly bytesIn: (segment: string) => Promise<number>;
  /** A chunk that lies elsewhere by now stays there. */
  readonly move: (hash: Sha256, from: Location, to: Location) => void;
  /** Forgets chunks, besides those that an upload has relied on since an instant. */
  readonly forget: (hashes: readonly Sha256[], unusedSince: Instant) => void;
};

/** Port: what kind of bytes a content has. `beginning`: its first chunk, which may be overwritten once this has returned; undefined of an empty one. */
export type Sniff = (beginning: Uint8Array | undefined) => Promise<MediaType>;

/** Port: the SHA-256 of bytes, at once or as they come. */
export type Digests = {
  readonly sha256: (bytes: Uint8Array) => Sha256;
  readonly running: () => {
    readonly update: (bytes: Uint8Array) => void;
    /** That of all bytes so far. More may come. */
    readonly soFar: () => Sha256;
  };
};
