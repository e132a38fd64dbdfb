import { Readable } from "node:stream";
import type { FastifyReply } from "fastify";
import { limitOpen } from "./limit-open.ts";
import type { StreamedAnswer } from "./route.ts";
import { streaming } from "./shedding.ts";

/**
 * Answers of one route that are streamed at once, to all and to one actor: each asks the database again
 * and again, or holds rows.
 */
const [maxStreams, maxStreamsOfOne] = [64, 8];

/** Text that some programs read as Latin-1 unless they are told. */
const withCharset: ReadonlySet<string> = new Set(["text/csv", "text/plain"]);

/** Says whether one more answer of a route may be streamed, and counts it until its connection closes. */
export const limitStreams = <V>({
  places = [maxStreams, maxStreamsOfOne],
}: StreamedAnswer<V>): ((reply: FastifyReply) => boolean) => limitOpen(...places);

/** What ends a stream before its own end. */
type Ending = {
  /** Aborted when the server is about to stop. */
  readonly closing: AbortSignal;
  readonly isSignedIn: () => Promise<boolean>;
};

/** An error while an answer is streamed ends the connection, so that no client takes a part for the whole. */
export function sendStream<V>(
  reply: FastifyReply,
  { mediaTypes: [usual], mediaTypeOf = () => usual, textOf, fileName }: StreamedAnswer<V>,
  value: V,
  { closing, isSignedIn }: Ending,
): FastifyReply {
  reply.raw.emit(streaming);
  if (fileName !== undefined)
    reply.header("content-disposition", `attachment; filename="${fileName(value)}"`);
  const mediaType = mediaTypeOf(value);
  const charset = withCharset.has(mediaType) ? "; charset=utf-8" : "";
  const text = textOf(value, closing);
  const isEndless = mediaType === "text/event-stream";
  return reply
    .header("content-type", mediaType + charset)
    .send(Readable.from(isEndless ? whileSignedIn(text, isSignedIn) : text));
}

/** Events are for as long as the client may hear them: nothing is sent once its credential is void. */
async function* whileSignedIn(
  text: AsyncIterable<string>,
  isSignedIn: Ending["isSignedIn"],
): AsyncGenerator<string> {
  for await (const part of text) {
    if (!(await isSignedIn())) return;
    yield part;
  }
}
