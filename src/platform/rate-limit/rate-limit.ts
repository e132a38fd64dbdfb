/** At most `points` within `perS` seconds. */
export type Limit = { readonly points: number; readonly perS: number };

/** The standing of a caller after an attempt. */
export type Standing = {
  readonly isAllowed: boolean;
  readonly limit: number;
  readonly remaining: number;
  /** Until all points are back. */
  readonly resetS: number;
};

/** Port: counts attempts per key. */
export type RateLimiter = {
  readonly take: (key: string) => Promise<Standing>;
  /** Gives all points back. */
  readonly forgive: (key: string) => Promise<void>;
};

/** Port: a limiter for each kind of attempt; `name` keeps their keys apart. */
export type RateLimits = (name: string, limit: Limit) => RateLimiter;
