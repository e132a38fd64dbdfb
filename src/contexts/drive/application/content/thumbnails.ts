import type { Context } from "#kernel/context.ts";
import { Instant } from "#kernel/instant.ts";
import { err, expect, ok, type Result } from "#kernel/result.ts";
import { described, oneOf, optional, shape, type Infer } from "#kernel/shape.ts";
import { RevisionNumber, type MediaType } from "../../domain/content.ts";
import { NodeId } from "../../domain/ids.ts";
import type { File, NotAFile } from "../../domain/node.ts";
import type { Unseen } from "../nodes/located.ts";
import { turns, type Ending, type TooBusy } from "../places.ts";
import type { Thumbnail, Thumbnailer, ThumbnailKey } from "../ports/thumbnails.ts";
import { readFile, type ReadableFile, type ReadingDeps } from "./read-file.ts";
import type { RevisionNotFound } from "./revisions.ts";

/** The longer side in pixels, at most. */
export const ThumbnailSize = oneOf("64", "256", "1024");
export type ThumbnailSize = Infer<typeof ThumbnailSize>;
const usualSize: ThumbnailSize = "256";

export const ReadThumbnail = shape({
  nodeId: NodeId,
  revision: optional(RevisionNumber),
  size: optional(described("The longer side in pixels, at most; 256 by default", ThumbnailSize)),
});
export type ReadThumbnail = Infer<typeof ReadThumbnail>;

/** A larger file is no picture to make a small one of. */
const maxPictureBytes = 32 * 2 ** 20;
const pictures: ReadonlySet<MediaType> = new Set(
  ["image/jpeg", "image/png", "image/webp", "image/gif", "image/avif"].map(
    (type) => type as MediaType,
  ),
);

/** Why there is none: the file is no picture of a known format, it has more than 32 MiB, or it is damaged, too large or too slow to unpack. */
type Reason = "other-format" | "too-many-bytes" | "unreadable-or-too-large";
export type NoThumbnail = {
  readonly type: "no-thumbnail";
  readonly mediaType: string;
  readonly reason: Reason;
};

/** A small picture of a file. */
export type SmallPicture = { readonly file: File; readonly picture: Uint8Array };

/** Pictures that a process works at for users, and for those who follow links; others wait, a few of each. */
export const [ofUsers, ofLinks] = [
  { atOnce: 2, most: 64, mostOfOne: 8 },
  { atOnce: 1, most: 32, mostOfOne: 8 },
] as const;
const retryAfterS = 2;
/** What has taken too long is not tried again for so long. */
const slowMs = 86_400_000;
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

export type PicturingDeps = ReadingDeps & { readonly thumbnailer: Thumbnailer };
type Asking = Ending & { readonly size: ThumbnailSize | undefined; readonly who: string };

/** Makes a small picture of a file that has been opened, or tells the one that was made before. Those who ask take turns. */
export function thumbnailing(deps: PicturingDeps, limits: Parameters<typeof turns>[0]) {
  const { read, unitOfWork, clock, thumbnailer } = deps;
  const waiting = turns(limits);
  const underWay = new Map<string, Promise<Thumbnail | undefined>>();

  async function make(opened: ReadableFile, key: ThumbnailKey, context: Context) {
    const made = await thumbnailer(await wholeOf(opened), key.pixels);
    if (made === "lost") return undefined;
    const thumbnail: Thumbnail =
      typeof made === "string"
        ? {
            bytes: undefined,
            ...(made === "too-slow" ? { until: Instant.plus(clock.now(), slowMs) } : {}),
          }
        : { bytes: made };
    // One that is larger than its picture is made anew: no file may fill the database with more than it has itself.
    if ((thumbnail.bytes?.length ?? 0) > opened.file.content.size) return thumbnail;
    const later = { ...context, deadlineMs: clock.unixMs() + keepMs };
    const keep = unitOfWork(later, async ({ thumbnails }) => ok(thumbnails.keep(key, thumbnail)));
    expect(await keep);
    return thumbnail;
  }

  /** Those who want the same at once wait for one another. */
  function together(name: string, work: () => Promise<Thumbnail | undefined>) {
    const making =
      underWay.get(name) ??
      work().finally(() => {
        underWay.delete(name);
      });
    underWay.set(name, making);
    return making;
  }

  return async (
    opened: ReadableFile,
    { size = usualSize, who, ending }: Asking,
    context: Context,
  ): Promise<Result<SmallPicture, NoThumbnail | TooBusy>> => {
    const { file } = opened;
    const { hash, mediaType, size: bytes } = file.content;
    const none = (reason: Reason) => err<NoThumbnail>({ type: "no-thumbnail", mediaType, reason });
    if (!pictures.has(mediaType)) return none("other-format");
    if (bytes > maxPictureBytes) return none("too-many-bytes");
    const key = { spaceId: file.spaceId, hash, pixels: Number(size) };
    const there = await read(context, ({ thumbnails }) => thumbnails.find(key, clock.now()));
    if (!there && waiting.isFull(who)) return err({ type: "too-busy", retryAfterS });
    const made =
      there ??
      (await waiting.within(
        who,
        () => together(`${key.spaceId} ${hash} ${size}`, () => make(opened, key, context)),
        ending,
      ));
    if (!made) return err({ type: "too-busy", retryAfterS });
    return made.bytes ? ok({ file, picture: made.bytes }) : none("unreadable-or-too-large");
  };
}

/** Reads a small picture of a file. */
export function readThumbnail(deps: PicturingDeps) {
  const open = readFile(deps);
  const thumbnail = thumbnailing(deps, ofUsers);
  type Outcome = Result<SmallPicture, Unseen | NotAFile | RevisionNotFound | NoThumbnail | TooBusy>;
  return async (
    { size, ending, ...file }: ReadThumbnail & Ending,
    context: Context,
  ): Promise<Outcome> => {
    const opened = await open(file, context);
    return opened.ok
      ? thumbnail(opened.value, { size, who: context.actor, ending }, context)
      : opened;
  };
}
