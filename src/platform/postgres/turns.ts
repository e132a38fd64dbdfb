import { Unavailable } from "../unavailable.ts";

type Waiting = { readonly enter: () => void };

/** Lets so many in at a time; others wait for their turn, first come first served. */
export class Turns {
  readonly #places: number;
  readonly #queue: Waiting[] = [];
  #inside = 0;

  constructor(places: number) {
    this.#places = places;
  }

  /** Whether it is empty. */
  get isIdle(): boolean {
    return this.#inside === 0 && this.#queue.length === 0;
  }

  get waiting(): number {
    return this.#queue.length;
  }

  /** Answers how to leave. Throws `Unavailable` where no turn comes within the time. */
  async enter(withinMs: number): Promise<() => void> {
    if (this.#inside < this.#places) this.#inside += 1;
    else await this.#wait(withinMs);
    return () => this.#leave();
  }

  #wait(withinMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = {
        enter() {
          clearTimeout(timer);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        reject(new Unavailable(`No turn came within ${Math.round(withinMs)} ms`, {}));
      }, withinMs);
      this.#queue.push(waiting);
    });
  }

  /** The place goes to the next in the queue. */
  #leave(): void {
    const next = this.#queue.shift();
    if (next) next.enter();
    else this.#inside -= 1;
  }
}

/** One holds the lock, and the next one waits for it at the database: no round trip lies between. */
const sentPerLock = 2;

/**
 * Limits how many of one process wait for the same lock of the database at once: whoever waits here
 * holds no connection.
 */
export class NamedTurns {
  readonly #turns = new Map<string, Turns>();

  /** Waits for all names, in their order; answers how to let the next ones in. */
  async enter(names: readonly string[], withinMs: number): Promise<() => void> {
    const endsAt = performance.now() + withinMs;
    const entered: (() => void)[] = [];
    const leave = () => {
      for (const release of entered.toReversed()) release();
      for (const name of names) if (this.#turns.get(name)?.isIdle) this.#turns.delete(name);
    };
    try {
      for (const name of names)
        entered.push(await this.#of(name).enter(Math.max(0, endsAt - performance.now())));
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  }

  #of(name: string): Turns {
    let turns = this.#turns.get(name);
    if (!turns) this.#turns.set(name, (turns = new Turns(sentPerLock)));
    return turns;
  }
}
