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

/** Says whether one more answer of a route may be streamed, and counts it until its connection closes. */
export const limitStreams = (): ((reply: FastifyReply) => boolean) =>
  limitOpen(maxStreams, maxStreamsOfOne);

/** An error while an answer is streamed ends the connection, so that no client takes a part for the whole. */
export function sendStream<V>(
  reply: FastifyReply,
  { mediaType, textOf }: StreamedAnswer<V>,
  value: V,
  closing: AbortSignal,
): FastifyReply {
  reply.raw.emit(streaming);
  return reply.header("content-type", mediaType).send(Readable.from(textOf(value, closing)));
}
