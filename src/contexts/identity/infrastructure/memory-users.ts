import { saved } from "#kernel/change.ts";
import { MemoryTable, type MemoryTransaction } from "#platform/memory/memory-store.ts";
import type { Users } from "../application/ports.ts";
import type { ActiveUser, User } from "../domain/user.ts";

const isActive = (user: User): user is ActiveUser => user.status === "active";

/** Active users share no address. */
export const memoryUserTable = (): MemoryTable<User> =>
  new MemoryTable((user) => (isActive(user) ? user.email : undefined));

export const memoryUsers =
  (table: MemoryTable<User>) =>
  ({ put, append }: MemoryTransaction): Users => ({
    byId: async (id) => table.rows.get(id),
    async byEmail(email) {
      const user = table.find(email);
      return user && isActive(user) ? user : undefined;
    },
    page: async ({ after = "", limit }) =>
      [...table.rows.values()]
        .filter(isActive)
        .filter(({ id }) => id > after)
        .toSorted((a, b) => (a.id < b.id ? -1 : 1))
        .slice(0, limit),
    save(change) {
      const user = saved(change);
      if (change.events.length === 0) return user;
      put(table, user.id, user);
      append(user.id, change.state.version, change.events);
      return user;
    },
  });
