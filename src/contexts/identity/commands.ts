import { InvalidArgumentError, type Command } from "commander";
import type { Context } from "#kernel/context.ts";
import { expect } from "#kernel/result.ts";
import { entryOf } from "#kernel/audit.ts";
import { chainEntries, postgresAudit, verifyChain } from "#platform/audit/postgres-audit.ts";
import { postgresUnitOfWork } from "#platform/postgres/unit-of-work.ts";
import type { WithDatabase } from "#platform/process/module.ts";
import { openSecrets } from "#platform/process/postgres.ts";
import { systemClock as clock, systemIds as newId } from "#platform/system.ts";
import { expectOption, type ChainHead } from "#platform/console/chain-head.ts";
import { print, type Output } from "#platform/console/output.ts";
import { appointAdministrator } from "./application/users/ensure-administrator.ts";
import { Email } from "./domain/email.ts";
import { argon2Passwords } from "./infrastructure/argon2-passwords.ts";
import { postgresIdentity } from "./infrastructure/postgres-identity.ts";
import { resealSecrets } from "./infrastructure/sealed-secrets.ts";
import { addSigningKey, postgresKeyStore, type Algorithm } from "./infrastructure/signing-keys.ts";

/** Commands of identity and the audit. */
export function addIdentityCommands(basalt: Command, withDatabase: WithDatabase): void {
  basalt
    .command("administrator")
    .description("Make a user an administrator, with a password that works once")
    .argument("<email>", "the email address of the user", toEmail)
    .option("--json", "print JSON")
    .action(administratorCommand(withDatabase));
  basalt
    .command("keys")
    .description("Manage the keys that sign access tokens")
    .command("rotate")
    .description(
      "Sign new tokens with a new key, and seal secrets under the newest master key; existing tokens stay valid",
    )
    .option("--revoke-old", "revoke existing tokens as well, in case the old key has leaked")
    .option("--json", "print JSON")
    .action(rotateCommand(withDatabase));
  basalt
    .command("audit")
    .description("Inspect the audit")
    .command("verify")
    .description("Recompute the hash chain over all entries and name the first broken link")
    .option(...expectOption)
    .option("--json", "print JSON")
    .action(verifyCommand(withDatabase));
}

function toEmail(text: string): Email {
  const parsed = Email.parse(text);
  if (!parsed.ok) throw new InvalidArgumentError("must be an email address");
  return parsed.value;
}

const withinMs = 60_000;
const atTheConsole = (operation: string): Context => ({
  actor: "system",
  operation,
  correlationId: "console",
  deadlineMs: clock.unixMs() + withinMs,
});

const administratorCommand = (withDatabase: WithDatabase) => (email: Email, output: Output) =>
  withDatabase(async (database) => {
    const units = postgresUnitOfWork({
      database,
      schema: "identity",
      clock,
      newId,
      scope: postgresIdentity(newId),
      onAppended: () => {},
    });
    const appoint = appointAdministrator({ ...units, clock, newId, passwords: argon2Passwords() });
    const context = atTheConsole("identity.appointAdministrator");
    const appointed = expect(await appoint({ email }, context));
    const { made, isNew } =
      appointed.kind === "appointed" ? appointed : { made: undefined, isNew: false };
    print(
      [{ email, password: made }],
      output,
      () =>
        `${isNew ? "No user had this address: a new one was made. " : ""}${email} administers; the password works once, together with a new one: ${made}`,
      "",
    );
  });

const rotateCommand =
  (withDatabase: WithDatabase) =>
  ({ revokeOld, ...output }: Output & { readonly revokeOld?: true }) =>
    withDatabase(async (database, settings) => {
      const store = postgresKeyStore(database);
      const [newest] = await store.all();
      const algorithm: Algorithm = newest?.publicJwk.alg === "ES256" ? "ES256" : "EdDSA";
      const secrets = openSecrets(settings);
      const keys = { store, secrets, clock, algorithm };
      await resealSecrets(database, secrets);
      const id = await addSigningKey(keys, revokeOld ? "revoking all others" : undefined);
      const context = atTheConsole("identity.rotateSigningKey");
      const targets = [id];
      await postgresAudit(database).enter(entryOf(context, { outcome: "ok", targets }));
      print(
        [{ id }],
        output,
        () =>
          revokeOld
            ? `Access tokens are signed with key ${id} from now on.`
            : `Key ${id} is published now, and signs access tokens in two minutes.`,
        "",
      );
    });

const verifyCommand =
  (withDatabase: WithDatabase) =>
  ({ expect: noted, ...output }: Output & { readonly expect?: ChainHead }) =>
    withDatabase(async (database) => {
      await chainEntries(database);
      const showProgress = process.stderr.isTTY
        ? (links: number) => process.stderr.write(`\r${links} links`)
        : undefined;
      const verdict = await verifyChain(database, noted, showProgress);
      if (showProgress) process.stderr.write("\n");
      print(
        [verdict],
        output,
        () =>
          verdict.intact
            ? `All ${verdict.links} links hold. Keep this head outside the database, for --expect next time: ${verdict.links}:${verdict.head}`
            : `Link ${verdict.link}, entry ${verdict.position}: ${verdict.why}.`,
        "",
      );
      if (!verdict.intact) process.exitCode = 1;
    });
