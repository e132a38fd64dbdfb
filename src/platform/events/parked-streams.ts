import type { Recorded } from "#kernel/event.ts";
import type { ParkedName } from "./subscription-store.ts";

/** The stored state of a waiting event. */
export type Passed = Pick<Recorded, "stream" | "version" | "id" | "type" | "metadata">;

/** The names of the parked streams in the slots of a process. */
export class ParkedStreams {
  readonly #slots = new Map<string, number>();
  /** The first event that was passed over since its stream was looked at last. */
  readonly #passed = new Map<string, Passed>();

  get size(): number {
    return this.#slots.size;
  }

  has(stream: string): boolean {
    return this.#slots.has(stream);
  }

  add({ stream, slot }: ParkedName): void {
    this.#slots.set(stream, slot);
  }

  delete(stream: string): void {
    this.#slots.delete(stream);
    this.#passed.delete(stream);
  }

  /** An event of a parked stream waits behind the one at which the stream stands. */
  pass({ stream, version, id, type, metadata }: Recorded): void {
    if (!this.#passed.has(stream))
      this.#passed.set(stream, { stream, version, id, type, metadata });
  }

  /** The stream is read now: events passed from now on come after all that it has. */
  look(stream: string): void {
    this.#passed.delete(stream);
  }

  passed(stream: string): Passed | undefined {
    return this.#passed.get(stream);
  }

  /**
   * Forgets the streams of some slots. What was passed over stays known of the streams whose attempts
   * still run: should their slots be held again under the same lease, nobody else tells it.
   */
  drop(slots: readonly number[], running: readonly string[]): void {
    if (slots.length === 0) return;
    const gone = new Set(slots);
    for (const [stream, slot] of this.#slots) if (gone.has(slot)) this.#slots.delete(stream);
    const kept = new Set(running);
    for (const stream of this.#passed.keys())
      if (!this.has(stream) && !kept.has(stream)) this.look(stream);
  }
}
