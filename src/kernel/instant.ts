import { branded, type Brand } from "./shape.ts";

/** A point in time: ISO 8601, UTC, milliseconds, as in `2026-01-31T12:00:00.000Z`. */
export type Instant = Brand<string, "Instant">;

const value = branded<Instant>("instant", {
  schema: { type: "string", format: "date-time", maxLength: 40 },
  parse(input) {
    const unixMs = Date.parse(input);
    return Number.isNaN(unixMs) ? undefined : new Date(unixMs).toISOString();
  },
});

export const Instant = {
  ...value,
  fromUnixMs: (unixMs: number): Instant => new Date(unixMs).toISOString() as Instant,
  toUnixMs: (instant: Instant): number => Date.parse(instant),
  plus: (instant: Instant, durationMs: number): Instant =>
    Instant.fromUnixMs(Date.parse(instant) + durationMs),
};

/** Port: what time it is. The only way for domain and application code to know. */
export type Clock = {
  readonly now: () => Instant;
  /** Milliseconds since 1970, for deadlines and durations. */
  readonly unixMs: () => number;
};
