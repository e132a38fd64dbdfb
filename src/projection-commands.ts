import { InvalidArgumentError, type Command } from "commander";
import { logHealth, type SubscriptionHealth } from "#platform/events/health.ts";
import { checksumsOf, rebuild, refuseDifferent } from "#platform/events/rebuild.ts";
import { print, progressBar, withDatabase, type Output } from "./console.ts";
import { readModels } from "./main.ts";

/** Commands about what is made of events. */
export function addProjectionCommands(projections: Command): void {
  projections
    .command("list")
    .description("Read models, and how far each has followed its log")
    .option("--json", "as JSON")
    .action(listCommand);
  projections
    .command("verify")
    .description("Compare the checksums of read models with the tables; exit code 1 if they differ")
    .argument("[name]", "as in catalog.search; all unless given", modelNamed)
    .option("--json", "as JSON")
    .action(verifyCommand);
  projections
    .command("rebuild")
    .description("Make read models anew beside those that stand, then swap them; Basalt may run")
    .argument("[name]", "as in catalog.search; all unless given", modelNamed)
    .option("--json", "as JSON")
    .action(rebuildCommand);
}

type Model = (typeof readModels)[number];
const nameOf = ({ projection }: Model) => projection.name;

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
        ...{ name, lag, retrying, dead, updated_at },
      }));
    print(
      listed,
      output,
      ({ name, lag, retrying, dead, updated_at: at }) =>
        `${name}  ${lag} events behind, ${retrying + dead} streams wait, seen at ${at}`,
      "None has been begun: start Basalt.",
    );
  }, patient);

const verifyCommand = (model: Model | undefined, output: Output) =>
  withDatabase(async (database) => {
    for (const one of modelsOf(model)) {
      const checksums = await checksumsOf(database, one);
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
      const { events } = await rebuild({ database, connection }, one, (done, total) => {
        bar ??= progressBar("events", total);
        bar.show(done);
      });
      bar?.end();
      rebuilt.push({ name: nameOf(one), events });
    }
    print(rebuilt, output, ({ name, events }) => `${name} was rebuilt of ${events} events`, "");
  }, patient);
