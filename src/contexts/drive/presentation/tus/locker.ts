import { ERRORS, type Lock, type Locker, type RequestRelease } from "@tus/server";

type Held = { readonly askForRelease: RequestRelease; readonly waiting: (() => void)[] };

/**
 * Lets one request of a process at an upload at a time. Whoever comes asks the one before to end, as a client does that goes on with an upload whose connection
 * it has lost. The locker of `@tus/server` asks again and again whether it may, which takes a whole core.
 */
export class QueueLocker implements Locker {
  readonly #held = new Map<string, Held>();

  newLock(id: string): Lock {
    return {
      lock: (stopSignal, askForRelease) => this.#lock(id, stopSignal, askForRelease),
      unlock: async () => {
        const { waiting = [] } = this.#held.get(id) ?? {};
        this.#held.delete(id);
        for (const retry of waiting) retry();
      },
    };
  }

  async #lock(id: string, stopSignal: AbortSignal, askForRelease: RequestRelease): Promise<void> {
    for (let held = this.#held.get(id); held; held = this.#held.get(id)) {
      if (stopSignal.aborted) throw ERRORS.ERR_LOCK_TIMEOUT;
      const { promise, resolve } = Promise.withResolvers<void>();
      held.waiting.push(resolve);
      stopSignal.addEventListener("abort", () => resolve(), { once: true });
      await held.askForRelease();
      await promise;
    }
    this.#held.set(id, { askForRelease, waiting: [] });
  }
}
