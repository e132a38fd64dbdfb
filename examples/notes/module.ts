import path from "node:path";
import type { IdentityProvides } from "#contexts/identity";
import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { Module } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import { Permissions } from "./application/permission.ts";
import { addNotesCommands } from "./commands.ts";
import { createNotes, noteEvents } from "./index.ts";
import { postgresNotes } from "./infrastructure/postgres-notes.ts";
import { notesConsumers } from "./presentation/consumers.ts";
import { noteRoutes } from "./presentation/routes.ts";

const schema = "notes";
const settings = {} as const;

type Needs = { readonly identity: IdentityProvides };

async function compose(parts: Parts, { identity }: Needs, undo: AsyncDisposableStack) {
  const { database, metrics, clock, newId } = parts;
  const onAppended = announcer(parts, schema);
  const common = { database, schema, scope: postgresNotes, onAppended, clock, newId };
  const notes = createNotes({
    ...postgresUnitOfWork(common),
    audit: postgresAudit(database),
    mayAct: identity.mayAct,
    clock,
    newId,
    metrics,
  });
  if (parts.settings.consumers)
    await consume({ ...parts, ...common, consumers: notesConsumers }, undo);
  return { routes: noteRoutes(notes), provides: {} };
}

/** The notes as a module. */
export const notes: Module<typeof settings, object, Needs> = {
  name: schema,
  migrations: path.join(import.meta.dirname, "infrastructure/migrations"),
  events: noteEvents,
  isEventStore: false,
  settings,
  needs: ["identity"],
  readModels: [],
  grants: { member: [Permissions.writeNote], owner: [Permissions.readNotes] },
  chores: () => [],
  examine: async () => [],
  addCommands: addNotesCommands,
  compose,
};
