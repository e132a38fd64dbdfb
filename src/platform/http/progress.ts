import type { Context } from "#kernel/context.ts";
import { ok, type Result } from "#kernel/result.ts";
import { pause, type Timers } from "../runtime.ts";

const everyMs = 500;
/** How long one stream of events lasts. Browsers reconnect by themselves. */
const listeningMs = 60_000;

/** Something that goes on until it is at an end, as it is now and, when asked again, later. */
export type Followed<V> = {
  readonly first: V;
  readonly again: () => Promise<V | undefined>;
};

/** Asks for the same thing again and again, each time with the permissions of that moment. */
export const following =
  <I, V, R>(get: (input: I, context: Context) => Promise<Result<V, R>>) =>
  async (input: I, context: Context): Promise<Result<Followed<V>, R>> => {
    const ask = () => get(input, { ...context, deadlineMs: Infinity });
    const first = await ask();
    if (!first.ok) return first;
    const again = async () => {
      const next = await ask();
      return next.ok ? next.value : undefined;
    };
    return ok({ first: first.value, again });
  };

type Presented = { readonly status: string };
type Progress<V> = {
  readonly present: (value: V) => Presented;
  readonly isAtAnEnd: (value: V) => boolean;
  readonly timers: Timers;
};

/** Server-sent events, each named after the status: whenever something has gone on, until it is at an end. */
export const progress = <V>({ present, isAtAnEnd, timers }: Progress<V>) =>
  async function* textOf(
    { first, again }: Followed<V>,
    closing: AbortSignal,
  ): AsyncGenerator<string> {
    const endsAt = timers.elapsedMs() + listeningMs;
    let told = "";
    for (let now: V | undefined = first; now !== undefined; now = await again()) {
      const view = present(now);
      const data = JSON.stringify(view);
      if (data !== told) yield `event: ${view.status}\ndata: ${data}\n\n`;
      told = data;
      if (isAtAnEnd(now) || timers.elapsedMs() > endsAt) return;
      await pause(timers, everyMs, closing);
      if (closing.aborted) return;
    }
  };
