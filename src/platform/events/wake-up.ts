import type { Timers } from "../runtime.ts";

/** Tells waiting readers that there may be new events. Waiting never misses a call in between. */
export class WakeUp implements Disposable {
  readonly #waiting = new Set<() => void>();
  readonly #forks = new Set<WakeUp>();
  readonly #timers: Timers;
  readonly #onDispose: () => void;
  #calls = 0;

  constructor(timers: Timers, onDispose: () => void = () => {}) {
    this.#timers = timers;
    this.#onDispose = onDispose;
  }

  /** One that is called whenever this one is, and by itself; until it is disposed. */
  fork(): WakeUp {
    const fork: WakeUp = new WakeUp(this.#timers, () => this.#forks.delete(fork));
    this.#forks.add(fork);
    return fork;
  }

  [Symbol.dispose](): void {
    this.#onDispose();
  }

  /** Take it before looking for work, and hand it to `wait` after finding none. */
  get calls(): number {
    return this.#calls;
  }

  call(): void {
    this.#calls += 1;
    for (const wake of this.#waiting) wake();
    this.#waiting.clear();
    for (const fork of this.#forks) fork.call();
  }

  /** Returns at the next call, at once if there was one since `seen`, or after `timeoutMs`. */
  async wait(seen: number, timeoutMs: number): Promise<void> {
    if (this.#calls !== seen) return;
    await new Promise<void>((resolve) => {
      const wake = () => {
        cancel();
        resolve();
      };
      const cancel = this.#timers.after(timeoutMs, () => {
        this.#waiting.delete(wake);
        resolve();
      });
      this.#waiting.add(wake);
    });
  }
}
