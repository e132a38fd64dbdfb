import type { OnMemory } from "#platform/memory/memory-database.ts";
import { accountsWith } from "../module.ts";
import { memoryAccounts, memoryAccountsTables } from "./memory-accounts.ts";

/** Accounts in memory. All processes that are composed of one answer share its tables. */
export const onMemory = () => accountsWith<OnMemory>(memoryAccounts(memoryAccountsTables()));
