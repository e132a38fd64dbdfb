import type { Sha256 } from "../../domain/content.ts";

/** Where the bytes of a chunk are kept. */
export type Location = {
  readonly segment: string;
  readonly offset: number;
  readonly size: number;
};

/** Port: keeps bytes. Nothing is ever overwritten. */
export type ChunkStore = {
  /** Appends chunks, which are safe once `flush` has returned. */
  readonly put: (chunks: readonly Uint8Array[]) => Promise<readonly Location[]>;
  /** Returns once what was put at these places outlives a crash of the machine. */
  readonly flush: (locations: Iterable<Location>) => Promise<void>;
  /** Throws where nothing is kept, or fewer bytes. */
  readonly read: (location: Location) => Promise<Uint8Array>;
};

/** `isDoubted`: it was not found whole there. It may have been, and is looked for there still. */
export type Kept = Location & { readonly isDoubted: boolean };

/** Knows where chunks are. */
export type ChunkIndex = {
  readonly located: (hashes: readonly Sha256[]) => Promise<ReadonlyMap<Sha256, Kept>>;
  /** A chunk that another unit of work has added meanwhile keeps its location, unless that is in doubt. */
  readonly add: (locations: ReadonlyMap<Sha256, Location>) => void;
  /** Lets whoever gives the same bytes again put them elsewhere, if the chunk is there still. */
  readonly doubt: (hash: Sha256, location: Location) => void;
};

/** Port: the SHA-256 of bytes, at once or as they come. */
export type Digests = {
  readonly sha256: (bytes: Uint8Array) => Sha256;
  readonly running: () => {
    readonly update: (bytes: Uint8Array) => void;
    readonly end: () => Sha256;
  };
};
