import { createReadStream } from "node:fs";
import { InvalidArgumentError, type Command } from "commander";
import type { Context } from "#kernel/context.ts";
import { expect, ok, type Result } from "#kernel/result.ts";
import type { Value } from "#kernel/shape.ts";
import { localPath } from "#platform/console/local-path.ts";
import { print, progressBar, type Output } from "#platform/console/output.ts";
import type { Database } from "#platform/postgres/database.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import type { Runtime } from "#platform/runtime.ts";
import { ImportStatements, importStatements } from "./application/statements/receive-statements.ts";
import { runStatements } from "./application/statements/run-imports.ts";
import { AccountId, ConnectionId, OwnerId } from "./domain/ids.ts";
import { ProviderId } from "./domain/provider.ts";
import { outcomes, type FinishedImport, type StatementImport } from "./domain/statement-import.ts";
import {
  connectionsOverview,
  type ConnectionOverview,
} from "./infrastructure/postgres-connections.ts";
import { postgresLedger } from "./infrastructure/postgres-ledger.ts";
import { bankFiles } from "./infrastructure/statements/bank-files.ts";
import { statementFile } from "./infrastructure/statements/statement-file.ts";

/** What a person types, as a value. */
const typed =
  <T>(value: Value<T>) =>
  (text: string): T => {
    const parsed = value.parse(text);
    if (!parsed.ok) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? "is invalid");
    return parsed.value;
  };

const stepMs = 30_000;
const contextOf = ({ clock }: Runtime, actor: string): Context => ({
  actor,
  correlationId: "console",
  deadlineMs: clock.unixMs() + stepMs,
});

const unitsOn = (database: Database, { clock, newId }: Runtime) =>
  postgresUnitOfWork({
    database,
    schema: "accounts",
    scope: postgresLedger,
    onAppended: () => {},
    clock,
    newId,
  });

/** The value, or an error that says why there is none. */
function told<T>(result: Result<T, { readonly type: string; readonly reason?: string }>): T {
  if (result.ok) return result.value;
  const { type, reason } = result.error;
  throw new Error(`refused: ${type}${reason === undefined ? "" : ` (${reason})`}`);
}

/** Commands of connections to providers, and of statements. */
export function addStatementCommands(
  basalt: Command,
  withDatabase: WithDatabase,
  runtime: Runtime,
): void {
  const connections = basalt
    .command("connections")
    .description("Inspect the connections of users to providers, and sync them");
  connections
    .command("list")
    .description("List connections, with the next sync of each and how the last one ended")
    .option("--json", "print JSON")
    .action(listCommand(withDatabase));
  connections
    .command("sync")
    .description("Make the next sync of a connection due now; a running server begins it")
    .argument("<connection>", "the id of the connection", typed(ConnectionId))
    .option("--json", "print JSON")
    .action(syncCommand(withDatabase, runtime));
  basalt
    .command("statements")
    .description("Import statements of banks")
    .command("import")
    .description("Import a file of statements for a user, and wait until every row has its outcome")
    .argument("<file>", "OFX, QFX, QBO or CSV", localPath)
    .requiredOption("--owner <user>", "the id of the user", typed(OwnerId))
    .option("--provider <provider>", "whose file it is, as in chase", typed(ProviderId))
    .option("--account <account>", "the mirror that all rows are of", typed(AccountId))
    .option("--dry-run", "say what would become of each row, and change nothing")
    .option("--json", "print JSON")
    .action(importCommand(withDatabase, runtime));
}

const lineOf = ({ id, owner, provider, status, nextSyncAt, lastSync }: ConnectionOverview) => {
  const next = nextSyncAt === undefined ? "" : `, next sync ${nextSyncAt}`;
  const last = lastSync === undefined ? "never synced" : `last sync ${lastSync}`;
  return `${id} of ${owner} at ${provider}: ${status}, ${last}${next}`;
};

const listCommand = (withDatabase: WithDatabase) => (output: Output) =>
  withDatabase(async (database) =>
    print(await connectionsOverview(database), output, lineOf, "Nobody has connected a provider."),
  );

const syncCommand =
  (withDatabase: WithDatabase, runtime: Runtime) => (id: ConnectionId, output: Output) =>
    withDatabase(async (database) => {
      const nextSyncAt = runtime.clock.now();
      const { unitOfWork } = unitsOn(database, runtime);
      const status = expect(
        await unitOfWork(contextOf(runtime, "system"), async ({ connections }) => {
          const found = await connections.byId(id);
          if (found?.status === "active") connections.schedule(id, { nextSyncAt });
          return ok(found?.status);
        }),
      );
      if (status !== "active")
        throw new Error(
          status === undefined
            ? `there is no ${id}`
            : `${id} is ${status}: its owner must connect it`,
        );
      print([{ id, nextSyncAt }], output, () => `${id} is synced next.`, "");
    });

type Importing = Output & {
  readonly owner: OwnerId;
  readonly provider?: ProviderId;
  readonly account?: AccountId;
  readonly dryRun?: true;
};

const pauseMs = 100;
const pause = ({ timers }: Runtime) =>
  new Promise<void>((resolve) => void timers.after(pauseMs, resolve));
const isAtAnEnd = (one: StatementImport | undefined): one is FinishedImport =>
  one?.status === "finished" || one?.status === "undone";

const importCommand =
  (withDatabase: WithDatabase, runtime: Runtime) =>
  (file: string, { owner, provider, account, dryRun, ...output }: Importing) =>
    withDatabase(async (database) => {
      const deps = {
        ...unitsOn(database, runtime),
        mayAct: async () => ok(undefined),
        providers: bankFiles,
        clock: runtime.clock,
        newId: runtime.newId,
      };
      const input = expect(
        ImportStatements.parse({
          content: statementFile(createReadStream(file), runtime.timers),
          ...(provider === undefined ? {} : { provider }),
          ...(account === undefined ? {} : { accountId: account }),
          ...(dryRun ? { dryRun: true } : {}),
        }),
      );
      const { id, rows } = told(await importStatements(deps)(input, contextOf(runtime, owner)));
      const bar = progressBar("rows", rows);
      const run = runStatements(deps);
      const current = () => deps.read(contextOf(runtime, owner), ({ imports }) => imports.byId(id));
      let found = await current();
      while (!isAtAnEnd(found)) {
        const { failures } = expect(await run({}, contextOf(runtime, "system")));
        if (failures.length > 0) throw failures[0];
        found = await current();
        if (!found) throw new Error(`${id} is gone: its owner was erased`);
        bar.show(Object.values(found.tally).reduce((sum, n) => sum + n, 0));
        if (!isAtAnEnd(found)) await pause(runtime); // a server may have the next rows
      }
      bar.end();
      const { tally } = found;
      const said = outcomes.filter((one) => tally[one] > 0).map((one) => `${tally[one]} ${one}`);
      print(
        [{ id, rows, ...tally }],
        output,
        () => `${id}: ${rows} rows${said.length === 0 ? "" : `, ${said.join(", ")}`}`,
        "",
      );
    });
