import path from "node:path";
import type { IdentityProvides } from "#contexts/identity";
import { ofOwn } from "#kernel/permission.ts";
import type { Settings } from "#platform/config/settings.ts";
import type { Module, Wiring } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import type { Profile } from "#platform/process/persistence.ts";
import { Permissions } from "./application/permission.ts";
import type { NotesScope } from "./application/ports.ts";
import { addNotesCommands } from "./commands.ts";
import { createNotes, noteEvents } from "./index.ts";
import { postgresNotes } from "./infrastructure/postgres-notes.ts";
import { notesConsumers } from "./presentation/consumers.ts";
import { noteRoutes } from "./presentation/routes.ts";

const schema = "notes";
const settings = {} as const;

type Needs = { readonly identity: IdentityProvides };

type ScopeOn<On extends Profile> = (transaction: On["transaction"]) => NotesScope;

async function compose<On extends Profile>(
  scope: ScopeOn<On>,
  parts: Parts<Settings, On>,
  { identity }: Needs,
) {
  const { persistence, metrics, clock, newId } = parts;
  const working = { schema, scope, onAppended: announcer(parts, schema) };
  const notes = createNotes({
    ...persistence.units(working),
    audit: persistence.audit,
    mayAct: identity.mayAct,
    clock,
    newId,
    metrics,
  });
  if (parts.settings.consumers) consume(parts, { ...working, consumers: notesConsumers });
  return { routes: noteRoutes(notes), provides: {} };
}

/** The notes, wired on Postgres or in memory. */
export const notesWith = <On extends Profile>(
  scope: ScopeOn<On>,
): Wiring<On, typeof settings, object, Needs> => ({
  name: schema,
  events: noteEvents,
  isEventStore: false,
  settings,
  needs: ["identity"],
  permissions: Permissions,
  grants: {
    member: [Permissions.writeNote, ofOwn(Permissions.readNotes), ofOwn(Permissions.rewriteNote)],
  },
  compose: (parts, needs) => compose(scope, parts, needs),
});

/** The notes as a module. */
export const notes: Module<typeof settings, object, Needs> = {
  ...notesWith(postgresNotes),
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  readModels: [],
  blobFolders: () => [],
  chores: () => [],
  examine: async () => [],
  demoData: [],
  addCommands: addNotesCommands,
};
