import path from "node:path";
import type { IdentityProvides, Permission as IdentityPermission } from "#contexts/identity";
import { err, ok } from "#kernel/result.ts";
import { postgresAudit } from "#platform/audit/postgres-audit.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { Module } from "#platform/process/module.ts";
import { announcer, consume, type Parts } from "#platform/process/parts.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import type { MayAct } from "./application/ports.ts";
import { addNotesCommands } from "./commands.ts";
import { createNotes, noteEvents } from "./index.ts";
import { postgresNotes } from "./infrastructure/postgres-notes.ts";
import { notesConsumers } from "./presentation/consumers.ts";
import { noteRoutes } from "./presentation/routes.ts";

const schema = "notes";
const settings = {} as const;

type Needs = { readonly identity: IdentityProvides };

/** Identity decides; a permission of the notes is one of identity's by another name. */
const decidedBy =
  ({ mayAct }: IdentityProvides): MayAct =>
  async (context, permission, on) => {
    const decided = await mayAct(context, permission as string as IdentityPermission, on);
    return decided.ok ? ok(undefined) : err({ type: "forbidden", permission });
  };

async function compose(parts: Parts, { identity }: Needs, undo: AsyncDisposableStack) {
  const { database, metrics } = parts;
  const onAppended = announcer(parts, schema);
  const common = { database, schema, scope: postgresNotes, onAppended, clock, newId };
  const notes = createNotes({
    ...postgresUnitOfWork(common),
    audit: postgresAudit(database),
    mayAct: decidedBy(identity),
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
  grants: { member: ["notes:write"], owner: ["notes:read"] },
  chores: () => [],
  examine: async () => [],
  addCommands: addNotesCommands,
  compose,
};
