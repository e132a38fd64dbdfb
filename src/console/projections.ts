import { InvalidArgumentError, type Command } from "commander";
import { logHealth, type SubscriptionHealth } from "#platform/events/health.ts";
import { refuseDifferent, type AnyReadModel } from "#platform/events/rebuild.ts";
import { print, progressBar, type Output } from "#platform/console/output.ts";
import { basalt } from "../composition.ts";
import { withDatabase } from "./database.ts";

const { readModels } = basalt;

/** Commands of read models. */
export function addProjectionCommands(projections: Command): void {
  projections
    .command("list")
    .description("List read models and their lag")
    .option("--json", "print JSON")
    .action(listCommand);
  projections
    .command("verify")
    .description("Compare read models with the tables by checksum; exits with 1 if they differ")
    .argument("[name]", "the name that `projections list` shows; all by default", modelNamed)
    .option("--json", "print JSON")
    .action(verifyCommand);
  projections
    .command("rebuild")
    .description(
      "Rebuild read models beside the present ones, then swap them; Basalt may keep running",
    )
    .argument("[name]", "the name that `projections list` shows; all by default", modelNamed)
    .option("--json", "print JSON")
    .action(rebuildCommand);
}

type Model = AnyReadModel;
const nameOf = ({ name }: Model) => name;

function modelNamed(name: string): Model {
  const model = readModels.find((one) => nameOf(one) === name);
  if (model) return model;
  throw new InvalidArgumentError(`there are ${readModels.map(nameOf).join(", ")}`);
}

const modelsOf = (model: Model | undefined): readonly Model[] => (model ? [model] : readModels);

/** A statement of theirs reads whole tables. */
const patient = { databaseStatementTimeoutMs: 3_600_000 };

type Listed = Pick<SubscriptionHealth, "name" | "lag" | "retrying" | "dead" | "updated_at">;

const listCommand = (output: Output) =>
  withDatabase(async (database) => {
    const healths = await Promise.all(readModels.map(({ log }) => logHealth(database, log)));
    const listed = healths
      .flatMap(({ subscriptions }) => subscriptions)
      .filter(({ name }) => readModels.some((model) => nameOf(model) === name))
      .map(({ name, lag, retrying, dead, updated_at }): Listed => ({
        name,
        lag,
        retrying,
        dead,
        updated_at,
      }));
    print(
      listed,
      output,
      ({ name, lag, retrying, dead, updated_at: at }) =>
        `${name}  ${lag} events behind, ${retrying + dead} streams wait, seen at ${at}`,
      "There are no read models yet: start Basalt.",
    );
  }, patient);

const verifyCommand = (model: Model | undefined, output: Output) =>
  withDatabase(async (database) => {
    for (const one of modelsOf(model)) {
      const checksums = await one.checksums(database);
      print(
        checksums,
        output,
        ({ what, model: ours, tables }) =>
          `${ours === tables ? "ok  " : "BAD "} ${nameOf(one)}: ${what}`,
        "",
      );
      refuseDifferent(checksums);
    }
  }, patient);

const rebuildCommand = (model: Model | undefined, output: Output) =>
  withDatabase(async (database, _settings, connection) => {
    const rebuilt: { readonly name: string; readonly events: number }[] = [];
    for (const one of modelsOf(model)) {
      let bar: ReturnType<typeof progressBar> | undefined;
      const { events } = await one.rebuild({ database, connection }, (done, total) => {
        bar ??= progressBar("events", total);
        bar.show(done);
      });
      bar?.end();
      rebuilt.push({ name: nameOf(one), events });
    }
    print(rebuilt, output, ({ name, events }) => `${name} was rebuilt from ${events} events`, "");
  }, patient);
