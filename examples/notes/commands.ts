import { randomUUID } from "node:crypto";
import type { Command } from "commander";
import { print, type Output } from "#platform/console/output.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { postgresNotes } from "./infrastructure/postgres-notes.ts";

const withinMs = 10_000;

/** `notes tallies` prints how many notes each author has written. */
export function addNotesCommands(basalt: Command, withDatabase: WithDatabase): void {
  basalt
    .command("notes")
    .description("Inspect notes")
    .command("tallies")
    .description("List authors with the number of their notes")
    .option("--json", "print JSON")
    .action((output: Output) =>
      withDatabase(async (database) => {
        const common = { database, schema: "notes", scope: postgresNotes, clock, newId };
        const { read } = postgresUnitOfWork({ ...common, onAppended: () => {} });
        const context = {
          actor: "system",
          correlationId: randomUUID(),
          deadlineMs: clock.unixMs() + withinMs,
        };
        const tallies = await read(context, ({ tallies: all }) => all.all());
        const line = ({ authorId, notes }: (typeof tallies)[number]) => `${authorId}  ${notes}`;
        print(tallies, output, line, "There are no notes yet.");
      }),
    );
}
