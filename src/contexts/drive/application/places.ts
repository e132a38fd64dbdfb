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
