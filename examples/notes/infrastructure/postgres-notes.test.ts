import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import { systemRuntime } from "#platform/system.ts";
import { databaseWith } from "#test/module.ts";
import { notes } from "../module.ts";
import { notesContract } from "../testing/notes.contract.ts";
import { postgresNotes } from "./postgres-notes.ts";

notesContract("Postgres", async () => {
  const opened = await databaseWith(notes);
  const { database } = opened;
  const common = { database, schema: notes.name, scope: postgresNotes, onAppended: () => {} };
  return {
    ...postgresUnitOfWork({ ...systemRuntime, ...common }),
    [Symbol.asyncDispose]: () => opened[Symbol.asyncDispose](),
  };
});
