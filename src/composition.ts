import { accounts } from "./contexts/accounts/module.ts";
import { catalog } from "./contexts/catalog/module.ts";
import { drive } from "./contexts/drive/module.ts";
import { identity } from "./contexts/identity/module.ts";
import { compositionOf } from "#platform/process/composition.ts";

/** The contexts of this Basalt. One that needs another comes after it. */
export const modules = [identity, catalog, accounts, drive];

export const basalt = compositionOf(modules);
