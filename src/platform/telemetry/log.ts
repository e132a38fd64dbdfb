import { pino, type Logger } from "pino";

/** Bytes that are collected before they are written: a system call per line costs more than it. */
const bufferBytes = 8_192;
const flushEveryMs = 500;

/** JSON lines on standard output, buffered; `flush` writes what is collected. */
export function createLog(level: string): { readonly log: Logger; readonly flush: () => void } {
  const destination = pino.destination({
    dest: 1,
    minLength: bufferBytes,
    sync: true,
    periodicFlush: flushEveryMs,
  });
  const log = pino({ level, base: null }, destination);
  return { log, flush: () => destination.flushSync() };
}
