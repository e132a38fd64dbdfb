import { setTimeout as sleep } from "node:timers/promises";

/** A wait that is longer than this is too long, where it lasts. */
const targetMs = 200;
/** A queue stands where every wait within so long a time was too long; one long turn is none. */
const intervalMs = 1_000;
/** How often it is looked at, while there are many requests. */
const lookEveryMs = 50;
/** While a queue stands, so much fewer are taken with each look; then so many more. */
const [less, more] = [0.8, 16];

export type AdmissionOptions = {
  /** Requests that are worked on at a time, at most. */
  readonly most: number;
  /** So few are always taken. */
  readonly least: number;
  /** Waits for what every request needs: a turn of the event loop and a database connection. */
  readonly probe: () => Promise<unknown>;
};

/**
 * How many requests are worked on at a time: as many as are allowed, unless a queue stands before what
 * all of them need. Sources: CoDel (RFC 8289) for when there are too many, AIMD for how many fewer.
 */
export class Admission {
  readonly #options: AdmissionOptions;
  #limit: number;
  #inFlight = 0;
  #isLooking = false;
  /** Since when every wait has been too long. */
  #longSince: number | undefined;

  constructor(options: AdmissionOptions) {
    this.#options = options;
    this.#limit = options.most;
  }

  /** Whether one more is taken beside those that are worked on. */
  admits(inFlight: number): boolean {
    this.#inFlight = inFlight;
    if (inFlight >= this.#options.least && !this.#isLooking) void this.#look();
    return inFlight < this.#limit;
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    while (this.#inFlight >= this.#options.least || this.#limit < this.#options.most) {
      const askedAt = performance.now();
      const late = sleep(intervalMs, undefined, { ref: false });
      await Promise.race([this.#options.probe(), late]).catch(() => {}); // what is broken is no queue
      this.waited(askedAt, performance.now());
      await sleep(lookEveryMs, undefined, { ref: false });
    }
    this.#isLooking = false;
  }

  /** Notes one wait, from its start to its end, in ms. */
  waited(askedAt: number, now: number): void {
    const { most, least } = this.#options;
    if (now - askedAt <= targetMs) {
      this.#longSince = undefined;
      this.#limit = Math.min(most, this.#limit + more);
    } else {
      this.#longSince ??= askedAt;
      if (now - this.#longSince >= intervalMs)
        this.#limit = Math.max(least, Math.floor(Math.min(this.#limit, this.#inFlight) * less));
    }
  }
}
