import type { Result } from "#kernel/result.ts";
import type { Sha256 } from "../../domain/content.ts";
import type { SpaceId } from "../../domain/ids.ts";
import type { TooBusy } from "../places.ts";

/** A thumbnail of a content of a space. `pixels`: the longer side, at most. */
export type ThumbnailKey = {
  readonly spaceId: SpaceId;
  readonly hash: Sha256;
  readonly pixels: number;
};
/** A picture that was made; `bytes` is undefined where none could be made of the content. */
export type Thumbnail = { readonly bytes: Uint8Array | undefined };

/** Thumbnails that were made, for as long as a space has the content. */
export type Thumbnails = {
  readonly find: (key: ThumbnailKey) => Promise<Thumbnail | undefined>;
  /** Keeps one, unless the space has the content no more. */
  readonly keep: (key: ThumbnailKey, thumbnail: Thumbnail) => void;
};

/** Port: makes a small WebP of a picture, which it reads once it is its turn; undefined where that cannot be read as one. */
export type Thumbnailer = (
  read: () => Promise<Uint8Array>,
  pixels: number,
) => Promise<Result<Uint8Array | undefined, TooBusy>>;
