import { createIds } from "#kernel/id.ts";
import { Instant, type Clock } from "#kernel/instant.ts";
import type { Cancel, Runtime, Timers } from "#platform/runtime.ts";
import { systemTimers } from "#platform/system.ts";
import { chanceOf } from "./chance.ts";

type Timer = { readonly atMs: number; readonly act: () => void };

const startMs = Instant.toUnixMs(Instant.fromUnixMs(Date.UTC(2026, 0, 1)));

/**
 * A machine whose time passes only when it is told to, and whose ids and chances are those of its
 * seed. What really takes time, such as a hash or a socket, takes none of its time.
 */
export class VirtualRuntime implements Runtime {
  #elapsedMs = 0;
  readonly #timers = new Set<Timer>();
  readonly chance: Runtime["chance"];
  readonly newId: Runtime["newId"];

  constructor(seed: number) {
    this.chance = chanceOf(seed);
    this.newId = createIds(this);
  }

  readonly clock: Clock = {
    now: () => Instant.fromUnixMs(this.clock.unixMs()),
    unixMs: () => startMs + this.#elapsedMs,
  };

  readonly random: Runtime["random"] = (size) =>
    Uint8Array.from({ length: size }, () => Math.floor(this.chance() * 256));

  readonly timers: Timers = {
    elapsedMs: () => this.#elapsedMs,
    after: (ms, act) => this.#add(ms, act),
    every: (ms, act) => {
      let cancel: Cancel;
      const again = () => {
        cancel = this.#add(ms, again);
        act();
      };
      cancel = this.#add(ms, again);
      return () => cancel();
    },
    turn: () => systemTimers.turn(),
  };

  /** Lets time pass: what falls due meanwhile acts in its order, and what follows from it is done. */
  async pass(ms: number): Promise<void> {
    const untilMs = this.#elapsedMs + ms;
    for (;;) {
      await this.timers.turn();
      const next = this.#next();
      if (!next || next.atMs > untilMs) break;
      this.#timers.delete(next);
      this.#elapsedMs = Math.max(this.#elapsedMs, next.atMs);
      next.act();
    }
    this.#elapsedMs = Math.max(this.#elapsedMs, untilMs);
  }

  #next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.#timers) if (!first || timer.atMs < first.atMs) first = timer;
    return first;
  }

  #add(ms: number, act: () => void): Cancel {
    const timer = { atMs: this.#elapsedMs + Math.max(0, ms), act };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }
}
