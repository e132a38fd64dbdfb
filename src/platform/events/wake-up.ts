/** Tells waiting readers that there may be new events. Waiting never misses a call in between. */
export class WakeUp {
  readonly #waiting = new Set<() => void>();
  #calls = 0;

  /** Take it before looking for work, and hand it to `wait` after finding none. */
  get calls(): number {
    return this.#calls;
  }

  call(): void {
    this.#calls += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
  }

  /** Returns at the next call, at once if there was one since `seen`, or after `timeoutMs`. */
  async wait(seen: number, timeoutMs: number): Promise<void> {
    if (this.#calls !== seen) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        clearTimeout(timer);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(wake);
        resolve();
      }, timeoutMs);
      this.#waiting.add(wake);
    });
  }
}
