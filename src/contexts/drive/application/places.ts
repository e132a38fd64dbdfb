import type { UserId } from "../domain/ids.ts";

export type TooBusy = { readonly type: "too-busy"; readonly retryAfterS: number };

/** Work that takes much of the machine, for all and for each user of a process at once. */
export function places(most: number, mostOfOne: number) {
  const users: UserId[] = [];
  return {
    isFull: (user: UserId): boolean =>
      users.length >= most || users.filter((one) => one === user).length >= mostOfOne,
    async within<T>(user: UserId, work: () => Promise<T>): Promise<T> {
      users.push(user);
      return work().finally(() => users.splice(users.indexOf(user), 1));
    },
  };
}

/** What an `AbortSignal` is to whoever waits. */
type Signal = {
  readonly aborted: boolean;
  readonly addEventListener: (type: "abort", act: () => void) => void;
  readonly removeEventListener: (type: "abort", act: () => void) => void;
};
/** Aborted when nobody waits for the answer any more. */
export type Ending = { readonly ending?: Signal | undefined };

type Limits = { readonly atOnce: number; readonly most: number; readonly mostOfOne: number };

/** Work that is done some at a time. Those who wait take turns, so that nobody waits for all that another one asks for. */
export function turns({ atOnce, most, mostOfOne }: Limits) {
  /** Those whose turn comes next first. */
  const queues = new Map<string, (() => void)[]>();
  const asked = new Map<string, number>();
  let [all, working] = [0, 0];

  function next(): void {
    const [first] = queues;
    if (!first || working >= atOnce) return;
    const [who, queue] = first;
    queues.delete(who);
    const begin = queue.shift();
    if (queue.length > 0) queues.set(who, queue);
    working += 1;
    begin?.();
  }

  /** Whether it came before whoever waits has left. */
  function turn(who: string, ending: Signal | undefined): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const queue = queues.get(who) ?? [];
    const begin = () => {
      ending?.removeEventListener("abort", leave);
      resolve(true);
    };
    const leave = () => {
      queue.splice(queue.indexOf(begin), 1);
      if (queue.length === 0) queues.delete(who);
      resolve(false);
    };
    if (ending?.aborted) return Promise.resolve(false);
    ending?.addEventListener("abort", leave);
    queue.push(begin);
    queues.set(who, queue);
    next();
    return promise;
  }

  const count = (who: string, more: 1 | -1) => {
    all += more;
    const own = (asked.get(who) ?? 0) + more;
    if (own === 0) asked.delete(who);
    else asked.set(who, own);
  };

  return {
    isFull: (who: string): boolean => all >= most || (asked.get(who) ?? 0) >= mostOfOne,
    /** Undefined where `ending` came first. */
    async within<T>(who: string, work: () => Promise<T>, ending?: Signal): Promise<T | undefined> {
      count(who, 1);
      try {
        if (!(await turn(who, ending))) return undefined;
        try {
          return await work();
        } finally {
          working -= 1;
          next();
        }
      } finally {
        count(who, -1);
      }
    },
  };
}
