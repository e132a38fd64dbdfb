import { MemoryStore } from "#platform/memory/memory-store.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { usersContract } from "../application/users.contract.ts";
import { memoryUsers, memoryUserTable } from "./memory-users.ts";

usersContract("memory", async () => {
  const store = new MemoryStore({ clock, newId });
  const users = memoryUsers(memoryUserTable());
  return {
    ...store.units((transaction) => ({ users: users(transaction) })),
    events: async () => store.log.map(({ type }) => type),
    async [Symbol.asyncDispose]() {},
  };
});
