import { pino, type Logger } from "pino";

/** Bytes that are collected before they are written: a system call per line costs more than it. */
const bufferBytes = 8_192;
const flushEveryMs = 500;

export type Log = {
  readonly log: Logger;
  /** Writes collected lines. */
  readonly flush: () => void;
};

/** JSON lines on standard output, buffered. */
export function jsonLog(level: string): Log {
  const destination = pino.destination({
    dest: 1,
    minLength: bufferBytes,
    sync: true,
    periodicFlush: flushEveryMs,
  });
  const log = pino({ level, base: null }, destination);
  return { log, flush: () => destination.flushSync() };
}

/** One readable line per entry on standard output, in colours where it is a terminal. */
async function textLog(level: string): Promise<Log> {
  const { build } = await import("pino-pretty");
  const { isTTY: colorize } = process.stdout;
  const lines = build({
    sync: true,
    destination: 1,
    singleLine: true,
    colorize,
    translateTime: "SYS:HH:MM:ss",
  });
  return { log: pino({ level, base: null }, lines), flush: () => {} }; // each line is written at once
}

type LogSettings = { readonly logLevel: string; readonly logFormat: "auto" | "json" | "text" };

/** The log of a process: `auto` is text in a terminal and JSON everywhere else. */
export const openLog = async ({ logLevel, logFormat }: LogSettings): Promise<Log> =>
  logFormat === "text" || (logFormat === "auto" && process.stdout.isTTY)
    ? textLog(logLevel)
    : jsonLog(logLevel);
