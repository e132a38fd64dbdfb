import { branded, type Brand } from "./shape.ts";

/** A point in time: ISO 8601, UTC, milliseconds, as in `2026-01-31T12:00:00.000Z`. */
export type Instant = Brand<string, "Instant">;

/** A day, of UTC, or a time with a `Z` or an offset: nothing is read as of some local time. */
const spelled = /^(\d{4})-(\d\d)-(\d\d)(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d))?$/;
/** Years of four digits only: texts of instants compare like the instants. */
const first = "0001-01-01T00:00:00.000Z";

/** Whether the calendar has the day: `Date.parse` takes 30 February for 2 March. */
const isInCalendar = ([, year, month, day]: RegExpExecArray): boolean =>
  Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();

const value = branded<Instant>("instant", {
  says: "a date or a time with its zone, as in 2027-01-31 or 2027-01-31T12:00:00Z",
  schema: { type: "string", format: "date-time", maxLength: 40 },
  parse(input) {
    const parts = spelled.exec(input);
    const unixMs = parts && isInCalendar(parts) ? Date.parse(input) : Number.NaN;
    if (Number.isNaN(unixMs)) return undefined;
    const text = new Date(unixMs).toISOString();
    return text < first || text.length > first.length ? undefined : text;
  },
});

export const Instant = {
  ...value,
  fromUnixMs: (unixMs: number): Instant => new Date(unixMs).toISOString() as Instant,
  toUnixMs: (instant: Instant): number => Date.parse(instant),
  plus: (instant: Instant, durationMs: number): Instant =>
    Instant.fromUnixMs(Date.parse(instant) + durationMs),
};

/** Port: the time, for domain and application code. */
export type Clock = {
  readonly now: () => Instant;
  /** Milliseconds since 1970, for deadlines and durations. */
  readonly unixMs: () => number;
};
