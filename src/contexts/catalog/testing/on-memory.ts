import type { OnMemory } from "#platform/memory/memory-database.ts";
import { catalogWith } from "../module.ts";
import { memoryCatalog, memoryCatalogTables, memorySources } from "./memory-catalog.ts";
import { memorySearchModel } from "./memory-search.ts";

/** The catalog in memory. All processes that are composed of one answer share its tables. */
export function onMemory() {
  const tables = memoryCatalogTables();
  return catalogWith<OnMemory>(() => ({
    scope: memoryCatalog(tables),
    searchModel: memorySearchModel(tables.search),
    ...memorySources(tables),
  }));
}
