import type { Context } from "#kernel/context.ts";
import { expect } from "#kernel/result.ts";
import type { Told } from "#platform/http/changes.ts";
import { WakeUp } from "#platform/events/wake-up.ts";
import type { Mark } from "../application/ports/changes.ts";
import type { SpaceId } from "../domain/ids.ts";
import type { Drive } from "../index.ts";

/** Events that were not announced are looked for so often. */
const quietMs = 15_000;

/** Wakes those who wait for changes of a space, and nobody else: the log is asked once for all of them, and not at all while nobody waits. */
export function spaceWakeUps(
  { changedSpaces }: Pick<Drive, "changedSpaces">,
  { wakeUp, timers }: Told,
  context: () => Context,
) {
  const waiting = new Map<SpaceId, Set<WakeUp>>();
  let heard: WakeUp | undefined;

  const wake = (spaces: Iterable<SpaceId>) => {
    for (const space of spaces) for (const one of waiting.get(space) ?? []) one.call();
  };

  async function follow(log: WakeUp): Promise<void> {
    let after: Mark | undefined;
    while (waiting.size > 0) {
      const seen = log.calls;
      try {
        const { spaces, last } = expect(await changedSpaces({ after }, context()));
        // Whoever has waited from before the first look may have missed a change.
        wake(spaces ?? waiting.keys());
        after = last;
      } catch {
        wake(waiting.keys()); // they are told themselves why nothing can be read
      }
      if (waiting.size > 0) await log.wait(seen, quietMs);
    }
  }

  async function followAll(): Promise<void> {
    using log = wakeUp.fork();
    heard = log;
    try {
      await follow(log);
    } finally {
      heard = undefined;
    }
    if (waiting.size > 0) void followAll();
  }

  function leave(spaceId: SpaceId, one: WakeUp): void {
    const others = waiting.get(spaceId);
    others?.delete(one);
    if (others?.size === 0) waiting.delete(spaceId);
    if (waiting.size === 0) heard?.call();
  }

  /** What tells of changes of one space. */
  return (spaceId: SpaceId): Told => ({
    timers,
    wakeUp: {
      fork() {
        const one: WakeUp = new WakeUp(timers, () => leave(spaceId, one));
        waiting.set(spaceId, (waiting.get(spaceId) ?? new Set()).add(one));
        if (!heard) void followAll();
        return one;
      },
    },
  });
}
