import type { Context } from "#kernel/context.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import { RevisionNumber, type MediaType } from "../../domain/content.ts";
import { NodeId, UserId } from "../../domain/ids.ts";
import type { File, NotAFile } from "../../domain/node.ts";
import type { Unseen } from "../nodes/located.ts";
import { places, type TooBusy } from "../places.ts";
import type { Thumbnailer } from "../ports/thumbnails.ts";
import { readFile, type ReadableFile, type ReadingDeps } from "./read-file.ts";
import type { RevisionNotFound } from "./revisions.ts";

/** The longer side in pixels, at most. */
export const ThumbnailSize = oneOf("64", "256", "1024");
export type ThumbnailSize = Infer<typeof ThumbnailSize>;
const usualSize: ThumbnailSize = "256";

export const ReadThumbnail = shape({
  nodeId: NodeId,
  revision: optional(RevisionNumber),
  size: optional(ThumbnailSize),
});
export type ReadThumbnail = Infer<typeof ReadThumbnail>;

/** A larger file is no picture to make a small one of. */
export const maxPictureBytes = 32 * 2 ** 20;
const pictures: ReadonlySet<MediaType> = new Set(
  ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"].map(
    (type) => type as MediaType,
  ),
);

/** The file is no picture of a known format, it is too large, or it cannot be read as one. */
export type NoThumbnail = { readonly type: "no-thumbnail"; readonly mediaType: string };

/** A small picture of a file. */
export type SmallPicture = { readonly file: File; readonly picture: Uint8Array };

/** Thumbnails that are asked for at once, from all and from one user. */
const [maxAsked, maxAskedOfOne] = [64, 32];
const retryAfterS = 2;
/** To keep a picture that was made has so much time, as a request has. */
const keepMs = 10_000;

async function wholeOf({ file, bytes }: ReadableFile): Promise<Uint8Array> {
  const whole = new Uint8Array(file.content.size);
  let at = 0;
  for await (const piece of bytes({ from: 0, until: whole.length })) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Makes a small picture of a file that has been opened, or tells the one that was made before. */
export function thumbnailing(deps: ReadingDeps & { readonly thumbnailer: Thumbnailer }) {
  const { read, unitOfWork, clock, thumbnailer } = deps;
  return async (
    opened: ReadableFile,
    size: ThumbnailSize | undefined,
    context: Context,
  ): Promise<Result<SmallPicture, NoThumbnail | TooBusy>> => {
    const { file } = opened;
    const { hash, mediaType, size: bytes } = file.content;
    const none = err<NoThumbnail>({ type: "no-thumbnail", mediaType });
    if (!pictures.has(mediaType) || bytes > maxPictureBytes) return none;
    const key = { spaceId: file.spaceId, hash, pixels: Number(size ?? usualSize) };
    const there = await read(context, ({ thumbnails }) => thumbnails.find(key));
    if (there) return there.bytes ? ok({ file, picture: there.bytes }) : none;
    const made = await thumbnailer(() => wholeOf(opened), key.pixels);
    if (!made.ok) return made;
    const later = { ...context, deadlineMs: clock.unixMs() + keepMs };
    expect(
      await unitOfWork(later, async ({ thumbnails }) =>
        ok(thumbnails.keep(key, { bytes: made.value })),
      ),
    );
    return made.value ? ok({ file, picture: made.value }) : none;
  };
}
/** Reads a small picture of a file. */
export function readThumbnail(deps: ReadingDeps & { readonly thumbnailer: Thumbnailer }) {
  const open = readFile(deps);
  const thumbnail = thumbnailing(deps);
  const asked = places(maxAsked, maxAskedOfOne);
  type Outcome = Result<SmallPicture, Unseen | NotAFile | RevisionNotFound | NoThumbnail | TooBusy>;
  return async ({ size, ...file }: ReadThumbnail, context: Context): Promise<Outcome> => {
    const opened = await open(file, context);
    if (!opened.ok) return opened;
    const actor = UserId.parse(context.actor);
    const work = () => thumbnail(opened.value, size, context);
    if (!actor.ok) return work();
    if (asked.isFull(actor.value)) return err({ type: "too-busy", retryAfterS });
    return asked.within(actor.value, work);
  };
}
