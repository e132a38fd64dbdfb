import { Readable } from "node:stream";
import { create as dispositionOf } from "content-disposition";
import type { FastifyReply, FastifyRequest } from "fastify";
import { parse as parseRanges } from "range-parser";
import type { Logger } from "pino";
import { problem, sentenceOf } from "./problem.ts";
import { sendProblem } from "./answers.ts";
import { limitOpen } from "./limit-open.ts";
import type { ByteRange, Download } from "./route.ts";
import { streaming } from "./shedding.ts";

/** A file is opened by the program that it is for: never run, shown or guessed at by a browser on our origin. */
const harmless = { "content-security-policy": "sandbox; default-src 'none'" } as const;

/** The part that `Range` asks for; undefined for the whole, where it asks for none, for several or for nonsense. Source: RFC 9110, 14.2. */
function rangeOf(
  { headers }: FastifyRequest,
  size: number,
  tag: string | undefined,
): ByteRange | "unsatisfiable" | undefined {
  const { range } = headers;
  const wanted = headers["if-range"];
  if (range === undefined || (wanted !== undefined && wanted !== tag)) return undefined;
  const { code, type, ranges } = parseRanges(size, range);
  const isMalformed = (code & 1) !== 0;
  if (type !== "bytes" || isMalformed || size === 0) return undefined;
  const [only, another] = ranges;
  if (!only) return "unsatisfiable";
  return another ? undefined : { from: only.start, until: only.end + 1 };
}

/** Files that are sent at once, to all and to one actor. */
const [maxDownloads, maxDownloadsOfOne] = [256, 32];
export const limitDownloads = () => limitOpen(maxDownloads, maxDownloadsOfOne);

type Sent<V> = {
  readonly value: V;
  readonly tag: string | undefined;
  readonly log: Pick<Logger, "error">;
};

/** Sends a file, or the part of it that is asked for. An error on the way ends the connection, so that no client takes a part for the whole. */
export function sendDownload<V>(
  reply: FastifyReply,
  { sizeOf, fileName, bytes }: Download<V>,
  { value, tag, log }: Sent<V>,
): FastifyReply {
  const { request } = reply;
  const size = sizeOf(value);
  const asked = rangeOf(request, size, tag);
  reply.headers({ ...harmless, "accept-ranges": "bytes" });
  if (asked === "unsatisfiable") {
    const type = "range-not-satisfiable";
    const said = { status: 416, correlationId: request.id, detail: sentenceOf(type, { size }) };
    return sendProblem(
      reply.header("content-range", `bytes */${size}`),
      problem(type, { ...said, details: { size } }),
    );
  }
  const range = asked ?? { from: 0, until: size };
  if (asked)
    reply.code(206).header("content-range", `bytes ${range.from}-${range.until - 1}/${size}`);
  reply
    .header("content-type", "application/octet-stream")
    .header("content-disposition", dispositionOf(fileName(value)))
    .header("content-length", range.until - range.from);
  // Fastify tells the length of what it is given for HEAD, unless that is a stream.
  if (request.method === "HEAD") return reply.send(Readable.from([]));
  reply.raw.emit(streaming);
  const whole = exactly(range.until - range.from, bytes(value, range), (error) =>
    log.error({ correlationId: request.id, err: error }, "a download was broken off"),
  );
  return reply.send(Readable.from(whole, { objectMode: false }));
}

/** Fails where there are fewer bytes than were promised: the client would wait for the others. */
async function* exactly(
  promised: number,
  bytes: AsyncIterable<Uint8Array>,
  onFailure: (error: unknown) => void,
): AsyncGenerator<Uint8Array> {
  let left = promised;
  try {
    for await (const piece of bytes) {
      left -= piece.length;
      yield piece;
    }
    if (left !== 0) throw new Error(`the file lacks ${left} of ${promised} bytes`);
  } catch (error) {
    onFailure(error); // the answer has begun: nobody else can tell
    throw error;
  }
}
