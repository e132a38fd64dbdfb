import { Readable } from "node:stream";
import { create as dispositionOf } from "content-disposition";
import type { FastifyReply, FastifyRequest } from "fastify";
import { combineRanges, parse as parseRanges } from "range-parser";
import type { Logger } from "pino";
import { problem, sentenceOf } from "./problem.ts";
import { sendProblem } from "./answers.ts";
import { limitOpen } from "./limit-open.ts";
import type { ByteRange, Download } from "./route.ts";
import { streaming } from "./shedding.ts";

/** A file is opened by the program that it is for: never run, shown or guessed at by a browser on our origin. */
const harmless = { "content-security-policy": "sandbox; default-src 'none'" } as const;

const binary = "application/octet-stream";
/** Parts of a file that one answer has at most. */
const maxParts = 128;

/**
 * The parts that `Range` asks for; undefined for the whole, where it asks for none, for too many or for nonsense. Those that overlap are one.
 * Source: RFC 9110, 14.2.
 */
function rangesOf(
  { headers }: FastifyRequest,
  size: number,
  tag: string | undefined,
): readonly ByteRange[] | "unsatisfiable" | undefined {
  const { range } = headers;
  const wanted = headers["if-range"];
  if (range === undefined || (wanted !== undefined && wanted !== tag)) return undefined;
  const { code, type, ranges } = parseRanges(size, range);
  const isMalformed = (code & 1) !== 0;
  if (type !== "bytes" || isMalformed || size === 0 || ranges.length > maxParts) return undefined;
  if (ranges.length === 0) return "unsatisfiable";
  return combineRanges(ranges).map(({ start, end }) => ({ from: start, until: end + 1 }));
}

type Bytes = (range: ByteRange) => AsyncIterable<Uint8Array>;
const lengthOf = ({ from, until }: ByteRange) => until - from;
const spanOf = ({ from, until }: ByteRange, size: number) => `bytes ${from}-${until - 1}/${size}`;

/** Several parts as one body. Source: RFC 9110, 14.6. */
function multipart(ranges: readonly ByteRange[], size: number, boundary: string) {
  const heads = ranges.map((range) =>
    Buffer.from(
      `\r\n--${boundary}\r\ncontent-type: ${binary}\r\ncontent-range: ${spanOf(range, size)}\r\n\r\n`,
    ),
  );
  const end = Buffer.from(`\r\n--${boundary}--\r\n`);
  const lengths = [...heads.map((head) => head.length), ...ranges.map(lengthOf), end.length];
  return {
    length: lengths.reduce((sum, length) => sum + length, 0),
    async *bytes(read: Bytes) {
      for (const [i, range] of ranges.entries()) {
        yield heads[i] ?? end;
        yield* read(range);
      }
      yield end;
    },
  };
}

/** Files that are sent at once, to all and to one actor. */
const usualPlaces = [256, 32] as const;
export const limitDownloads = ({ places = usualPlaces }: Pick<Download<never>, "places">) =>
  limitOpen(...places);

type Sent<V> = {
  readonly value: V;
  readonly tag: string | undefined;
  readonly log: Pick<Logger, "error">;
};

/** Sends a file, or the part of it that is asked for. An error on the way ends the connection, so that no client takes a part for the whole. */
export function sendDownload<V>(
  reply: FastifyReply,
  { sizeOf, fileName, bytes, modifiedAt, isMade = false, mediaType = binary }: Download<V>,
  { value, tag, log }: Sent<V>,
): FastifyReply {
  const { request } = reply;
  const size = sizeOf(value);
  const asked = isMade ? undefined : rangesOf(request, size, tag);
  reply.headers({ ...harmless, "accept-ranges": isMade ? "none" : "bytes" });
  if (asked === "unsatisfiable") {
    const type = "range-not-satisfiable";
    const said = { status: 416, correlationId: request.id, detail: sentenceOf(type, { size }) };
    return sendProblem(
      reply.header("content-range", `bytes */${size}`),
      problem(type, { ...said, details: { size } }),
    );
  }
  const [range = { from: 0, until: size }, another] = asked ?? [];
  const several = asked && another ? multipart(asked, size, boundaryOf(request)) : undefined;
  if (asked) reply.code(206);
  if (asked && !several) reply.header("content-range", spanOf(range, size));
  const length = several?.length ?? lengthOf(range);
  reply
    .header(
      "content-type",
      several ? `multipart/byteranges; boundary=${boundaryOf(request)}` : mediaType,
    )
    .header("content-disposition", dispositionOf(fileName(value)))
    .header("content-length", length);
  if (modifiedAt) reply.header("last-modified", new Date(modifiedAt(value)).toUTCString());
  // Fastify tells the length of what it is given for HEAD, unless that is a stream.
  if (request.method === "HEAD") return reply.send(Readable.from([]));
  reply.raw.emit(streaming);
  const read = (one: ByteRange) => bytes(value, one);
  const whole = exactly(length, several ? several.bytes(read) : read(range), (error) =>
    log.error({ correlationId: request.id, err: error }, "a download was broken off"),
  );
  return reply.send(Readable.from(whole, { objectMode: false }));
}

/** It is the client's own, or by chance: no file can have been made to contain it. */
const boundaryOf = ({ id }: FastifyRequest): string =>
  `part-${id.replaceAll(/\W/g, "").slice(0, 60)}`;

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
