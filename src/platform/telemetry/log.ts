import { multistream, pino, type DestinationStream, type Level, type Logger } from "pino";
import { traceIds } from "./tracing.ts";

/** Bytes that are collected before they are written: a system call per line costs more than it. */
const bufferBytes = 8_192;
const flushEveryMs = 500;

export type Log = {
  readonly log: Logger;
  /** Writes collected lines. */
  readonly flush: () => void;
  /** Writes and sends the last lines. */
  readonly close: () => Promise<void>;
};
type Lines = { readonly stream: DestinationStream; readonly flush: () => void };

/** JSON lines on standard output, buffered. */
function jsonLines(): Lines {
  const destination = pino.destination({
    dest: 1,
    minLength: bufferBytes,
    sync: true,
    periodicFlush: flushEveryMs,
  });
  return { stream: destination, flush: () => destination.flushSync() };
}

/** A log of JSON lines on standard output. */
export const jsonLog = (level: string): Log => logTo(jsonLines(), level);

function logTo({ stream, flush }: Lines, level: string): Log {
  const close = async () => flush();
  return { log: pino({ level, base: null }, stream), flush, close };
}

/** A log that a collector gets as well, with the ids of the current span. */
async function logToBoth({ stream, flush }: Lines, level: string, endpoint: string): Promise<Log> {
  const { otlpLogs } = await import("./otlp-logs.ts");
  const { stream: sent, close } = await otlpLogs(endpoint);
  const both = multistream([
    { stream, level: level as Level },
    { stream: sent, level: level as Level },
  ]);
  const log = pino({ level, base: null, mixin: traceIds }, both);
  return { log, flush, close: () => (flush(), close()) };
}

/** One readable line per entry on standard output, in colours where it is a terminal. */
async function textLines(): Promise<Lines> {
  const { build } = await import("pino-pretty");
  const { isTTY: colorize } = process.stdout;
  const lines = build({
    sync: true,
    destination: 1,
    singleLine: true,
    colorize,
    translateTime: "SYS:HH:MM:ss",
  });
  return { stream: lines, flush: () => {} }; // each line is written at once
}

type LogSettings = {
  readonly logLevel: string;
  readonly logFormat: "auto" | "json" | "text";
  readonly otlpEndpoint?: string | undefined;
};

/** The log of a process: `auto` is text in a terminal and JSON everywhere else. */
export async function openLog({ logLevel, logFormat, otlpEndpoint }: LogSettings): Promise<Log> {
  const isText = logFormat === "text" || (logFormat === "auto" && process.stdout.isTTY);
  const lines = isText ? await textLines() : jsonLines();
  return otlpEndpoint === undefined
    ? logTo(lines, logLevel)
    : logToBoth(lines, logLevel, otlpEndpoint);
}
