import type { Instant } from "#kernel/instant.ts";
import type { Sha256 } from "../../domain/content.ts";
import type { SpaceId } from "../../domain/ids.ts";

/** A thumbnail of a content of a space. `pixels`: the longer side, at most. */
export type ThumbnailKey = {
  readonly spaceId: SpaceId;
  readonly hash: Sha256;
  readonly pixels: number;
};
/** A picture that was made; `bytes` is undefined where none could be made of the content, until a time if it may be tried again. */
export type Thumbnail = { readonly bytes: Uint8Array | undefined; readonly until?: Instant };

/** Thumbnails that were made, for as long as a space has the content. */
export type Thumbnails = {
  readonly find: (key: ThumbnailKey, now: Instant) => Promise<Thumbnail | undefined>;
  /** Keeps one, unless the space has the content no more. */
  readonly keep: (key: ThumbnailKey, thumbnail: Thumbnail) => void;
};

/** Port: makes a small WebP of a picture. `unreadable`: it is none, or would take too much memory; `lost`: the work broke off. */
export type Thumbnailer = (
  picture: Uint8Array,
  pixels: number,
) => Promise<Uint8Array | "unreadable" | "too-slow" | "lost">;
