import type { Timers } from "../runtime.ts";
import type { Recorded } from "#kernel/event.ts";
import type { Held, ParkedStream, Work } from "./subscription-store.ts";

/** One attempt at the event of a parked stream. */
export type Attempt = {
  /** The parked stream as it is stored. */
  readonly parked: ParkedStream;
  /** The token of its slot: if it has changed, another process may have made the attempt too. */
  readonly token: number;
  /** The tenure of its slot. With another one the stored state of the stream may differ. */
  readonly tenure: number;
  /** Missing where there is nothing left to do. */
  readonly event?: Recorded;
  /** The event after it, where there was one already. */
  readonly next?: Recorded;
};

/** The outcome of an attempt. `work` holds its effects, which are not committed yet. */
export type Outcome<Scope> = Attempt & {
  readonly durationMs: number;
  readonly result:
    | { readonly ok: true; readonly work: Work<Scope> | undefined }
    | { readonly ok: false; readonly error: unknown };
};

type LaneOptions<Scope> = {
  readonly timers: Timers;
  readonly perform: (event: Recorded) => Promise<Work<Scope> | undefined>;
  /** Something has ended. */
  readonly onEnd: () => void;
};

/** Works on parked streams, each by itself, while new events go on. */
export class Lane<Scope> {
  readonly #options: LaneOptions<Scope>;
  readonly #running = new Set<Attempt>();
  #ended: Outcome<Scope>[] = [];

  constructor(options: LaneOptions<Scope>) {
    this.#options = options;
  }

  /** Streams that are worked on, or whose outcome has not been taken. */
  get streams(): readonly string[] {
    return [...this.#running].map(({ parked }) => parked.stream);
  }

  get size(): number {
    return this.#running.size;
  }

  /** Streams that are worked on in slots that are held still, under the same lease. */
  runningIn(held: readonly Held[]): readonly string[] {
    const tokens = new Map(held.map(({ slot, token }) => [slot, token]));
    const running = [...this.#running].map(({ parked, token }) => ({ ...parked, token }));
    return running
      .filter(({ slot, token }) => tokens.get(slot) === token)
      .map(({ stream }) => stream);
  }

  isBusy(slot: number): boolean {
    return [...this.#running].some(({ parked }) => parked.slot === slot);
  }

  start(attempt: Attempt): void {
    this.#running.add(attempt);
    void this.#run(attempt);
  }

  /** Takes the outcomes since the last call. */
  take(): readonly Outcome<Scope>[] {
    const ended = this.#ended;
    this.#ended = [];
    for (const outcome of ended) this.#running.delete(outcome);
    return ended;
  }

  /** Keeps outcomes that could not be stored for the next call: the deliveries have happened. */
  tellAgain(outcomes: readonly Outcome<Scope>[]): void {
    for (const outcome of outcomes) this.#running.add(outcome);
    this.#ended.push(...outcomes);
  }

  /** Forgets all attempts: the log was restored and their events may be gone. */
  abandon(): void {
    this.#running.clear();
    this.#ended = [];
  }

  async #run(attempt: Attempt): Promise<void> {
    const { timers } = this.#options;
    const startedAt = timers.elapsedMs();
    const result = await this.#perform(attempt);
    if (!this.#running.delete(attempt)) return;
    const outcome = { ...attempt, result, durationMs: timers.elapsedMs() - startedAt };
    this.#running.add(outcome);
    this.#ended.push(outcome);
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
