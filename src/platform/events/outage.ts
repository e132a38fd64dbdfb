type Pauses = { readonly retryMs: number; readonly outageRetryMs: number };

/** After so many failures in a row for something that all events need, new events wait. */
const failuresInRow = 10;

/** Whether something seems to be away that all events need, and when to find out whether it is back. */
export class Outage {
  readonly #pauses: Pauses;
  #failures = 0;
  #probeAtMs = 0;

  constructor(pauses: Pauses) {
    this.#pauses = pauses;
  }

  get isOn(): boolean {
    return this.#failures >= failuresInRow;
  }

  /** Whether a new event may be tried: any, or one now and then, since others may not need it. */
  mayTry(nowMs: number): boolean {
    return !this.isOn || nowMs >= this.#probeAtMs;
  }

  /** How long until one may; once it may, it is tried when it comes. */
  untilTryMs(nowMs: number): number {
    return this.isOn && this.#probeAtMs > nowMs ? this.#probeAtMs - nowMs : Infinity;
  }

  failed(nowMs: number): void {
    this.#failures += 1;
    const over = Math.max(0, this.#failures - failuresInRow);
    const { retryMs, outageRetryMs } = this.#pauses;
    this.#probeAtMs = nowMs + Math.min(retryMs * 2 ** over, outageRetryMs);
  }

  over(): void {
    this.#failures = 0;
  }
}
