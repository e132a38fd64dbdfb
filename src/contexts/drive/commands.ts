import type { Command } from "commander";
import { print, progressBar, type Output } from "#platform/console/output.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { jsonLog } from "#platform/telemetry/log.ts";
import { createMetrics } from "#platform/telemetry/metrics.ts";
import { systemRuntime } from "#platform/system.ts";
import { addLookCommands } from "./look-commands.ts";
import { addClientCommands } from "./client-commands.ts";
import { sha256Digests as digests } from "./infrastructure/digests.ts";
import { openSegments } from "./infrastructure/segments.ts";
import type { settings } from "./settings.ts";
import { verifyChunks, type Verdict } from "./application/collection/verify-chunks.ts";
import { postgresDrive } from "./infrastructure/postgres-drive.ts";

const mebibyte = 2 ** 20;
const { clock, newId } = systemRuntime;

/** `drive verify` reads every chunk of every file. */
export function addDriveCommands(
  basalt: Command,
  withDatabase: WithDatabase<typeof settings>,
): void {
  const drive = basalt
    .command("drive")
    .description("Send, receive and sync files, and inspect those of people");
  addClientCommands(drive, systemRuntime);
  addLookCommands(drive, systemRuntime);
  drive
    .command("verify")
    .description("Read all chunks of all files again, and name those that are damaged or missing")
    .option("--json", "print JSON")
    .action((output: Output) =>
      withDatabase(async (database, known) => {
        const { log } = jsonLog("fatal");
        const machine = { newId, clock, metrics: createMetrics(), log };
        await using store = await openSegments(known, machine);
        let bar: ReturnType<typeof progressBar> | undefined;
        const onProgress = (done: number, total: number) => {
          bar ??= progressBar("chunks", total);
          bar.show(done);
        };
        const units = postgresUnitOfWork({
          database,
          schema: "drive",
          scope: postgresDrive,
          onAppended: () => {},
          clock,
          newId,
        });
        const context = { actor: "system", correlationId: "console", deadlineMs: 0 };
        const verdict = await verifyChunks(
          { ...units, store, digests, clock, onProgress },
          context,
        );
        bar?.end();
        print([verdict], output, sentenceOf, "");
        if (verdict.damaged.length > 0) process.exitCode = 1;
      }),
    );
}

function sentenceOf({ chunks, bytes, damaged, files }: Verdict): string {
  const read = `${chunks} chunks of ${(bytes / mebibyte).toFixed(1)} MiB`;
  if (damaged.length === 0) return `All ${read} are whole, and no file lacks one.`;
  const told = damaged.map(
    ({ chunk, segment, why }) => `  ${chunk}${segment ? ` in ${segment}` : ""}: ${why}`,
  );
  return [
    `Of ${read}, ${damaged.length} are damaged or missing:`,
    ...told,
    "Files that have them (send the same bytes again to repair them):",
    ...files.map((file) => `  ${file}`),
  ].join("\n");
}
