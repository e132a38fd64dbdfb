import { pino } from "pino";
import { compositionOf, type Composition } from "#platform/process/composition.ts";
import type { Module } from "#platform/process/module.ts";
import { startBasalt } from "#platform/process/start.ts";
import { modules } from "../../src/composition.ts";
import { scratch, settingsFor, type Served } from "./basalt.ts";
import { testDatabase, type TestDatabase } from "./database.ts";

/** All contexts of Basalt, and one more or another one of that name. */
export const compositionWith = (module: Module): Composition =>
  compositionOf([...modules.filter(({ name }) => name !== module.name), module]);

/** A database with the tables of a module. */
export async function databaseWith(module: Module): Promise<TestDatabase> {
  const opened = await testDatabase();
  await compositionWith(module).migrate(opened.connection);
  return opened;
}

/** A whole Basalt in this process with a module, on a database of its own. */
export async function serveWith(module: Module) {
  await using undo = new AsyncDisposableStack();
  const opened = undo.use(await testDatabase());
  const folder = undo.use(await scratch());
  const composition = compositionWith(module);
  const settings = composition.load(settingsFor(opened, folder));
  const { url } = undo.use(await startBasalt(composition, settings, pino({ level: "silent" })));
  const running = undo.move();
  return {
    url,
    opened,
    folder: folder.path,
    settings,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  } satisfies Served & { readonly settings: unknown };
}
