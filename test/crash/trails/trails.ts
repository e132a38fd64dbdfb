import path from "node:path";
import type { ClientConfig } from "pg";
import type { Context } from "#kernel/context.ts";
import { event, registry, type Event, type Recorded } from "#kernel/event.ts";
import { branded, type Brand } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";
import { consumer, outsideConsumer, type AnyConsumer } from "#platform/events/consumer.ts";
import { statement } from "#platform/postgres/database.ts";
import { migrate } from "#platform/postgres/migrations.ts";
import type { Transaction } from "#platform/postgres/unit-of-work.ts";
import { independentMutation, mutation } from "#platform/postgres/writes.ts";
import { Deferred } from "#platform/unavailable.ts";

/** The campaign's own context: aggregates to which commands and a consumer append side by side. */
export const schema = "trail";

const root = path.resolve(import.meta.dirname, "../../..");

/** An event log of its own, with what is kept of its aggregates and of what consumers have seen. */
export const makeTrails = (connection: ClientConfig) =>
  migrate(connection, [
    { schema, source: "platform", folder: path.join(root, "src/platform/events/migrations") },
    { schema, source: schema, folder: path.join(import.meta.dirname, "migrations") },
  ]);

/**
 * What a step asks of the consumers: `new` is of a type that only its release knows; `echo` asks for
 * one more event on the same stream; `fail` and `stall` that the fragile one fails at it, the latter
 * since a statement takes too long.
 */
export type Step = "plain" | "new" | "echo" | "fail" | "stall";
type Text = Brand<string, "Text">;
const Text = branded<Text>("text", { schema: { type: "string", minLength: 1 } });

const textOf = (text: string): Text => {
  const parsed = Text.parse(text);
  if (!parsed.ok) throw new Error(`${text} is no text`);
  return parsed.value;
};

/** The events of one release: each knows a type, and a version of a type, that none before it did. */
function eventsOf(release: number) {
  const same = Array.from({ length: release - 1 }, () => (payload: never) => payload);
  const Stepped = event("trail.stepped", release, { step: Text }, same);
  const Echoed = event("trail.echoed", 1, { of: Text });
  const novelties = Array.from({ length: release }, (_, i) =>
    event(`trail.novelty-${i + 1}`, 1, {}),
  );
  return { Stepped, Echoed, novelties, all: registry(Stepped, Echoed, ...novelties) };
}

export type Trails = {
  /** What trails are named after now; null while nothing is to be written. */
  readonly round: () => Promise<string | null>;
  readonly versionOf: (id: string) => Promise<Version>;
  readonly append: (id: string, version: Version, events: readonly Event[]) => void;
  readonly see: (reader: string, event: Recorded) => void;
  /** Takes longer than a statement may. */
  readonly stall: () => Promise<unknown>;
};

const round = statement<{ readonly name: string | null }>(
  "trail.round",
  "select name from trail.rounds order by number desc limit 1",
);
const versionOf = statement<{ readonly version: Version }>(
  "trail.version",
  "select version from trail.trails where id = $1",
);
const stall = statement("trail.stall", "select pg_sleep(60)");
const move = mutation(
  "trail.move",
  "trails",
  `insert into trail.trails (id, version) values ($1, $2)
   on conflict (id) do update set version = excluded.version`,
);
const see = independentMutation(
  "trail.see",
  "sightings",
  "insert into trail.sightings (reader, event_id, stream, version) values ($1, $2, $3, $4)",
);

export const trailsOn = ({ read, write, append }: Transaction): Trails => ({
  round: async () => (await read(round, []))[0]?.name ?? null,
  versionOf: async (id) => (await read(versionOf, [id]))[0]?.version ?? Version.none,
  append(id, version, events) {
    write(move, [id, version + events.length]);
    append(id, version, events);
  },
  see: (reader, { id, stream, version }) => write(see, [reader, id, stream, version]),
  stall: () => read(stall, []),
});

/** The events of a step of a release. */
export function stepsOf(release: number): (step: Step) => readonly Event[] {
  const { Stepped, novelties } = eventsOf(release);
  return (step) => {
    const novelty = novelties.at(-1);
    return step === "new" && novelty ? [novelty({})] : [Stepped({ step: textOf(step) })];
  };
}

/** Hands an event over to the receiver, which answers with a status. */
export type Post = (event: Recorded, context: Context) => Promise<number>;

/** One consumer of each kind that there is. */
export function consumersOf(release: number, post: Post): readonly AnyConsumer<Trails>[] {
  const { all: events, Echoed } = eventsOf(release);
  type React = (event: Recorded, trails: Trails, context: Context) => Promise<void>;
  const reader = (name: string, react: React): AnyConsumer<Trails> =>
    consumer<Event, Trails>({
      name,
      events,
      on: Object.fromEntries(events.declarations.map(({ type }) => [type, react])),
    });
  return [
    reader("trail.seen", async (seen, trails) => trails.see("trail.seen", seen)),
    reader("trail.echo", async (seen, trails) => {
      if (stepIn(seen) !== "echo") return;
      const version = await trails.versionOf(seen.stream);
      trails.append(seen.stream, version, [Echoed({ of: textOf(seen.id) })]);
    }),
    reader("trail.fragile", async (seen, trails) => {
      if (stepIn(seen) === "fail") throw new Error("never, with a NUL: \0");
      if (stepIn(seen) === "stall") await trails.stall();
      trails.see("trail.fragile", seen);
    }),
    outsideConsumer<Event, Recorded>({
      name: "trail.post",
      events,
      on: Object.fromEntries(
        events.declarations.map(({ type }) => [type, async (made: Recorded) => made]),
      ),
      async deliver(message, context) {
        const status = await post(message, context);
        if (status === 429) throw new Deferred("not this one, not now");
        if (status !== 204) throw new Error(`the receiver answered ${status}`);
      },
    }),
  ];
}

const stepIn = ({ payload }: Event): string | undefined =>
  (payload as { readonly step?: string }).step;
