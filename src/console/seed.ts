import { InvalidArgumentError, type Command } from "commander";
import { print, progressBar, type Output } from "#platform/console/output.ts";
import type { DemoData, WithDatabase } from "#platform/process/module.ts";
import { systemRuntime as runtime } from "#platform/system.ts";

const [mostOfAKind, mostSeed] = [9_999_999, 999_999];
const whole = (most: number) => (text: string) => {
  if (/^\d{1,9}$/.test(text) && Number(text) <= most) return Number(text);
  throw new InvalidArgumentError(`must be a whole number from 0 to ${most}`);
};

const withinMs = 60_000;

/** How many of each kind are wanted, by the names of the options. */
type Seeding = Output & { readonly seed: number; readonly [what: string]: unknown };

/** Adds the command that makes demo data of all modules. */
export function addSeedCommand(
  basalt: Command,
  kinds: readonly DemoData[],
  withDatabase: WithDatabase,
): void {
  const command = basalt
    .command("seed")
    .description("Make demo data; running it again with the same seed adds nothing");
  for (const { what, doc } of kinds) command.option(`--${what} <n>`, doc, whole(mostOfAKind));
  command
    .option("--seed <n>", "the seed that the data is drawn from", whole(mostSeed), 1)
    .option("--json", "print JSON")
    .action(async (seeding: Seeding) => {
      const wanted = kinds.filter(({ what }) => seeding[what] !== undefined);
      if (wanted.length === 0)
        command.error(
          `error: say how many of which kind to make: ${kinds.map(({ what }) => `--${what}`).join(" or ")}`,
        );
      await withDatabase(
        async (database) => {
          const rows: Made[] = [];
          for (const kind of wanted)
            rows.push(
              await make(
                kind.maker(database, runtime),
                kind,
                Number(seeding[kind.what]),
                seeding.seed,
              ),
            );
          const line = ({ what, made, known }: Made) =>
            `${made} ${what} were made; ${known} existed already`;
          print(rows, seeding, line, "");
        },
        { makes: true },
      );
    });
}

/** Attempts at a batch while another process makes the same one. */
const maxAttempts = 10;

async function again(make: () => ReturnType<ReturnType<DemoData["maker"]>>): Promise<number> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await make();
    if (result.ok) return result.value.made;
    if (attempt === maxAttempts)
      throw new Error("other processes make the same data: try again later");
  }
}

type Made = { readonly what: string; readonly made: number; readonly known: number };

async function make(
  maker: ReturnType<DemoData["maker"]>,
  { what, batch }: DemoData,
  until: number,
  seed: number,
): Promise<Made> {
  const bar = progressBar(what, until);
  let made = 0;
  for (let from = 0; from < until; from += batch) {
    const context = {
      actor: "system",
      correlationId: `seed-${seed}`,
      operation: `seed.${what}`,
      deadlineMs: runtime.clock.unixMs() + withinMs,
    };
    made += await again(() => maker({ from, until, seed }, context));
    bar.show(Math.min(from + batch, until));
  }
  bar.end();
  return { what, made, known: until - made };
}
