import { ERRORS, type Lock, type Locker, type RequestRelease } from "@tus/server";

type Held = { readonly askForRelease: RequestRelease; readonly waiting: (() => void)[] };
type Asking = { readonly stopSignal: AbortSignal; readonly askForRelease: RequestRelease };

/**
 * Lets one request of a process work on an upload at a time. A later request asks the earlier one to end, and ends it after a moment: that is what happens when
 * a client resumes an upload whose connection it has lost. The locker of `@tus/server` asks again and again whether it may, which takes a whole core.
 */
export class QueueLocker {
  readonly #held = new Map<string, Held>();

  /** The locks of a request. `end`: ends it, once its moment is over. */
  of(end: () => void): Locker {
    return {
      newLock: (id: string): Lock => ({
        lock: (stopSignal, askForRelease) => this.#lock(id, { stopSignal, askForRelease }, end),
        unlock: async () => {
          const { waiting = [] } = this.#held.get(id) ?? {};
          this.#held.delete(id);
          for (const retry of waiting) retry();
        },
      }),
    };
  }

  async #lock(id: string, { stopSignal, askForRelease }: Asking, end: () => void): Promise<void> {
    for (let held = this.#held.get(id); held; held = this.#held.get(id)) {
      if (stopSignal.aborted) throw ERRORS.ERR_LOCK_TIMEOUT;
      const { promise, resolve } = Promise.withResolvers<void>();
      held.waiting.push(resolve);
      stopSignal.addEventListener("abort", () => resolve(), { once: true });
      await held.askForRelease();
      await promise;
    }
    const held: Held = { askForRelease, waiting: [] };
    this.#held.set(id, held);
    const endIfHeld = () => {
      if (this.#held.get(id) === held) end();
    };
    stopSignal.addEventListener("abort", endIfHeld, { once: true });
  }
}
