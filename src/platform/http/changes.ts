import type { Result } from "#kernel/result.ts";
import type { WakeUp } from "../events/wake-up.ts";
import { pause, type Timers } from "../runtime.ts";

/** Without a change, a comment keeps proxies from closing the connection, and what was not announced is found. */
const quietMs = 15_000;
/** How long one stream of events lasts. Browsers reconnect by themselves. */
const listeningMs = 600_000;

/** `wakeUp`: of the log whose events tell of changes. */
export type Told = { readonly wakeUp: Pick<WakeUp, "fork">; readonly timers: Timers };

type Awaited<V, E> = {
  /** What is new. `passedMs`: how long has been waited so far. */
  readonly ask: (passedMs: number) => Promise<Result<V, E>>;
  readonly isNews: (answer: V) => boolean;
  readonly waitMs: number;
  readonly ending: AbortSignal;
};

/** Asks again at each announcement, until there is news or a refusal, the time is over, or nobody waits any more. */
export async function awaitNews<V, E>(
  { ask, isNews, waitMs, ending }: Awaited<V, E>,
  { wakeUp: announced, timers }: Told,
): Promise<Result<V, E>> {
  using wakeUp = announced.fork();
  const wake = () => wakeUp.call();
  ending.addEventListener("abort", wake, { once: true });
  try {
    const beganMs = timers.elapsedMs();
    for (;;) {
      const seen = wakeUp.calls;
      const answer = await ask(timers.elapsedMs() - beganMs);
      const leftMs = waitMs - (timers.elapsedMs() - beganMs);
      if (!answer.ok || isNews(answer.value) || leftMs <= 0 || ending.aborted) return answer;
      await wakeUp.wait(seen, Math.min(leftMs, quietMs));
    }
  } finally {
    ending.removeEventListener("abort", wake);
  }
}

/** One server-sent event. */
export const eventOf = (name: string, data: unknown): string =>
  `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;

type Followed<V> = {
  /** What has changed since it was asked last. */
  readonly next: () => Promise<Result<V, unknown>>;
  readonly textOf: (changes: V) => string;
  /** Changes that follow each other faster are told together. */
  readonly gatherMs: number;
};

/** Server-sent events of changes, until the stream has lasted long enough, the server stops or `next` refuses. */
export async function* changesOf<V extends { readonly hasMore: boolean }>(
  { next, textOf, gatherMs }: Followed<V>,
  closing: AbortSignal,
  { wakeUp: announced, timers }: Told,
): AsyncGenerator<string> {
  using wakeUp = announced.fork();
  const wake = () => wakeUp.call();
  closing.addEventListener("abort", wake, { once: true });
  try {
    const endsAt = timers.elapsedMs() + listeningMs;
    while (!closing.aborted && timers.elapsedMs() < endsAt) {
      const seen = wakeUp.calls;
      const found = await next();
      if (!found.ok) return;
      yield textOf(found.value) || ": nothing new\n\n";
      if (closing.aborted) return;
      if (!found.value.hasMore) await wakeUp.wait(seen, quietMs);
      await pause(timers, gatherMs, closing);
    }
  } finally {
    closing.removeEventListener("abort", wake);
  }
}
