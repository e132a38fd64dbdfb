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

/** Knows where chunks are. */
export type ChunkIndex = {
  /** The locations of those that are known. */
  readonly located: (hashes: readonly Sha256[]) => Promise<ReadonlyMap<Sha256, Location>>;
  /** A chunk that another unit of work has added meanwhile keeps the location that it has. */
  readonly add: (locations: ReadonlyMap<Sha256, Location>) => void;
};

/** Port: the SHA-256 of bytes, at once or as they come. */
export type Digests = {
  readonly sha256: (bytes: Uint8Array) => Promise<Sha256>;
  readonly running: () => {
    readonly update: (bytes: Uint8Array) => void;
    readonly end: () => Sha256;
  };
};
