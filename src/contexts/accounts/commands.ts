import type { Command } from "commander";
import { expectOption, type ChainHead } from "#platform/console/chain-head.ts";
import { print, type Output } from "#platform/console/output.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { systemRuntime } from "#platform/system.ts";
import { addDemoCommands } from "./demo-commands.ts";
import { addStatementCommands } from "./statement-commands.ts";
import { verifyLedger, type Verdict } from "./infrastructure/verify-ledger.ts";

/** Commands of accounts. */
export function addAccountsCommands(basalt: Command, withDatabase: WithDatabase): void {
  addStatementCommands(basalt, withDatabase, systemRuntime);
  addDemoCommands(basalt, systemRuntime);
  basalt
    .command("ledger")
    .description("Inspect the book of accounts")
    .command("verify")
    .description(
      "Add up all entries and accounts again, recompute the hash chain over the entries, and name the first place that is wrong",
    )
    .option(...expectOption)
    .option("--json", "print JSON")
    .action(verifyCommand(withDatabase));
}

/** A line of progress for so many. */
const showEvery = 500;
/** One statement looks at all movements of some accounts. */
const patient = { databaseStatementTimeoutMs: 3_600_000 };

const verifyCommand =
  (withDatabase: WithDatabase) =>
  ({ expect: noted, ...output }: Output & { readonly expect?: ChainHead }) =>
    withDatabase(async (database) => {
      const showProgress = process.stderr.isTTY
        ? (done: number) =>
            void (
              done % showEvery === 0 &&
              process.stderr.write(`\r${done} entries, accounts and links`)
            )
        : undefined;
      const verdict = await verifyLedger(database, noted, showProgress);
      if (showProgress) process.stderr.write("\n");
      print([verdict], output, () => sentenceOf(verdict, noted), "");
      if (!verdict.intact) process.exitCode = 1;
    }, patient);

function sentenceOf(verdict: Verdict, expected: ChainHead | undefined): string {
  if (verdict.intact) {
    const { entries, accounts, head } = verdict;
    const known = expected ? ` Link ${expected.number} is the expected one.` : "";
    const keep =
      head === "" ? "" : `\nKeep this head outside the database, for --expect next time:\n${head}`;
    return `All ${entries} entries and ${accounts} accounts add up.${known}${keep}`;
  }
  const { id, sequence, link, why } = verdict.broken;
  const place = [
    ...(id === "" ? [] : [id]),
    ...(sequence === undefined ? [] : [`movement ${sequence}`]),
    ...(link === undefined ? [] : [`link ${link}`]),
  ];
  return `${place.join(", ")}: ${why}.`;
}
