import type { Recorded } from "#kernel/event.ts";
import type { ParkedStream, Work } from "./subscription-store.ts";

/** One attempt at the event of a parked stream. */
export type Attempt = {
  /** As it is kept. */
  readonly parked: ParkedStream;
  /** Of its slot: with another one, another process may have made the attempt as well. */
  readonly token: number;
  /** Missing where there is nothing left to do. */
  readonly event?: Recorded;
  /** The event after it, where there was one already. */
  readonly next?: Recorded;
};

/** What came of an attempt. `work`: its effects, not committed yet. */
export type Outcome<Scope> = Attempt & {
  readonly durationMs: number;
  readonly result:
    | { readonly ok: true; readonly work: Work<Scope> | undefined }
    | { readonly ok: false; readonly error: unknown };
};

type LaneOptions<Scope> = {
  readonly perform: (event: Recorded) => Promise<Work<Scope> | undefined>;
  /** Something has ended. */
  readonly onEnd: () => void;
};

/** Where parked streams are worked on, each by itself, while new events go on. */
export class Lane<Scope> {
  readonly #options: LaneOptions<Scope>;
  readonly #running = new Map<string, number>();
  #ended: Outcome<Scope>[] = [];

  constructor(options: LaneOptions<Scope>) {
    this.#options = options;
  }

  /** Streams that are worked on, or whose outcome has not been taken. */
  get streams(): readonly string[] {
    return [...this.#running.keys()];
  }

  get size(): number {
    return this.#running.size;
  }

  isBusy(slot: number): boolean {
    return [...this.#running.values()].includes(slot);
  }

  start(attempt: Attempt): void {
    const { stream, slot } = attempt.parked;
    this.#running.set(stream, slot);
    void this.#run(attempt);
  }

  /** What has ended since. */
  take(): readonly Outcome<Scope>[] {
    const ended = this.#ended;
    this.#ended = [];
    for (const { parked } of ended) this.#running.delete(parked.stream);
    return ended;
  }

  /** What could not be kept is told again later: it has happened, outside. */
  tellAgain(outcomes: readonly Outcome<Scope>[]): void {
    for (const { parked } of outcomes) this.#running.set(parked.stream, parked.slot);
    this.#ended.push(...outcomes);
  }

  async #run(attempt: Attempt): Promise<void> {
    const startedAt = performance.now();
    const result = await this.#perform(attempt);
    this.#ended.push({ ...attempt, result, durationMs: performance.now() - startedAt });
    this.#options.onEnd();
  }

  async #perform({ event }: Attempt): Promise<Outcome<Scope>["result"]> {
    try {
      return { ok: true, work: event && (await this.#options.perform(event)) };
    } catch (error) {
      return { ok: false, error };
    }
  }
}
