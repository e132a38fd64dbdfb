import { Instant, type Clock } from "#kernel/instant.ts";

/** A clock that stands still until it is told to go on. */
export function testClock(): Clock & { readonly advance: (ms: number) => void } {
  let nowMs = Date.now();
  return {
    now: () => Instant.fromUnixMs(nowMs),
    unixMs: () => nowMs,
    advance: (ms) => {
      nowMs += ms;
    },
  };
}
