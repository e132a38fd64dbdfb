import { createHash } from "node:crypto";
import type { Context } from "#kernel/context.ts";
import type { Event, Recorded, Registry } from "#kernel/event.ts";
import { decoded } from "./decoded.ts";

/** Handles one kind of event. Changes saved on the scope are committed with the checkpoint. */
type Reaction<E extends Event, Type extends E["type"], Scope> = (
  event: Recorded<Extract<E, { type: Type }>>,
  scope: Scope,
  context: Context,
) => Promise<void>;

/** A reader of a log whose effects are rows: exactly once, many events in one transaction. */
export type Consumer<E extends Event, Scope> = {
  /** Names its checkpoint: a new name starts from the first event. */
  readonly name: string;
  readonly events: Registry<E>;
  readonly on: { readonly [Type in E["type"]]?: Reaction<E, Type, Scope> };
  /** Events that are committed together, at most. */
  readonly batchSize?: number;
};

/** The message to deliver for one kind of event; undefined for none. */
type Making<E extends Event, Type extends E["type"], Message> = (
  event: Recorded<Extract<E, { type: Type }>>,
  context: Context,
) => Promise<Message | undefined>;

/**
 * A reader of a log that acts on the outside: email, webhooks, providers, brokers. Each event is
 * one message at most, handed over at least once and without an open transaction. A second message
 * about the same event wants a second consumer: else the first would go out again with the second.
 */
export type OutsideConsumer<E extends Event, Message> = {
  /**
   * Names its checkpoint. A new name beside others starts at the end of the log: it does not tell
   * the world what happened long ago.
   */
  readonly name: string;
  readonly events: Registry<E>;
  readonly on: { readonly [Type in E["type"]]?: Making<E, Type, Message> };
  /**
   * Hands one message over. It may be repeated: the id of its event says so to the receiver. Throws
   * `Unavailable` where no message can be handed over now, `Deferred` where this one cannot now, and
   * anything else where it was refused.
   */
  readonly deliver: (message: Message, context: Context) => Promise<void>;
  /** Streams that are worked on at a time, at most. */
  readonly concurrency?: number;
};

type Declared = {
  readonly name: string;
  /** The contexts whose events it knows, which is one: a log has those of its own context. */
  readonly contexts: ReadonlySet<string>;
  /** Which events its code knows and handles: another text with each change of them. */
  readonly declaration: string;
  /** Whether it handles events of a type, or perhaps would, were its code newer: it does not know the type. */
  readonly wants: (type: string) => boolean;
  readonly knows: (event: Pick<Event, "type" | "schemaVersion">) => boolean;
  /** Events that are read at once. */
  readonly batchSize: number;
};

/** A consumer of row effects without its types, as subscriptions run it. */
export type RowConsumer<Scope> = Declared & {
  readonly kind: "rows";
  /** Whether it takes the events of a batch all at once, on one scope. */
  readonly folds: boolean;
  /** Handles some events in their order. */
  readonly handle: (events: readonly Recorded[], scope: Scope, context: Context) => Promise<void>;
};

/** A consumer of outside effects without its types, as subscriptions run it. */
export type AnyOutsideConsumer = Declared & {
  readonly kind: "outside";
  readonly concurrency: number;
  readonly act: (event: Recorded, context: Context) => Promise<void>;
};

export type AnyConsumer<Scope> = RowConsumer<Scope> | AnyOutsideConsumer;

const defaultBatchSize = 100;
const defaultConcurrency = 40;
/** Events that are folded together: enough to make the cost per batch negligible. */
const foldedAtOnce = 500;

export function consumer<E extends Event, Scope>(declared: Consumer<E, Scope>): RowConsumer<Scope> {
  const { name, events, on, batchSize = defaultBatchSize } = declared;
  const reactions = on as unknown as { readonly [type: string]: Reaction<Event, string, Scope> };
  return {
    ...declaredOf({ name, events, types: Object.keys(on), batchSize }),
    kind: "rows",
    folds: false,
    async handle(batch, scope, context) {
      for (const recorded of batch) {
        const event = { ...recorded, ...decoded(events, recorded) };
        await reactions[recorded.type]?.(event, scope, context);
      }
    },
  };
}

export function outsideConsumer<E extends Event, Message>(
  declared: OutsideConsumer<E, Message>,
): AnyOutsideConsumer {
  const { name, events, on, deliver, concurrency = defaultConcurrency } = declared;
  const makings = on as unknown as { readonly [type: string]: Making<Event, string, Message> };
  const types = Object.keys(on);
  return {
    ...declaredOf({ name, events, types, batchSize: defaultBatchSize }),
    kind: "outside",
    concurrency,
    async act(recorded, context) {
      const event = { ...recorded, ...decoded(events, recorded) };
      const message = await makings[recorded.type]?.(event, context);
      if (message !== undefined) await deliver(message, context);
    },
  };
}

/** A reader that folds events into a read model, a batch at a time. */
export type Projection<E extends Event, Model> = {
  /** Names its checkpoint: a new name starts from the first event. */
  readonly name: string;
  readonly events: Registry<E>;
  readonly project: (events: readonly E[], model: Model) => void;
};

/** A projection as subscriptions run it. */
export function projection<E extends Event, Model>({
  name,
  events,
  project,
}: Projection<E, Model>): RowConsumer<Model> {
  const types = events.declarations.map(({ type }) => type);
  return {
    ...declaredOf({ name, events, types, batchSize: foldedAtOnce }),
    kind: "rows",
    folds: true,
    async handle(batch, model) {
      project(
        batch.map((recorded) => decoded(events, recorded)),
        model,
      );
    },
  };
}

/** The context of an event type, as `catalog` of `catalog.product-drafted`. */
export const contextOf = (type: string): string => type.split(".")[0] ?? type;

function declaredOf<E extends Event>({
  name,
  events,
  types,
  batchSize,
}: {
  readonly name: string;
  readonly events: Registry<E>;
  readonly types: readonly string[];
  readonly batchSize: number;
}): Declared {
  const handled = new Set(types);
  const known = new Set(events.declarations.map(({ type }) => type));
  const wants = (type: string) => handled.has(type) || !known.has(type);
  const lines = events.declarations.map(
    ({ type, schemaVersion }) => `${type} ${schemaVersion} ${wants(type)}`,
  );
  const declaration = createHash("sha256").update(lines.toSorted().join("\n")).digest("hex");
  return {
    name,
    contexts: new Set(events.declarations.map(({ type }) => contextOf(type))),
    batchSize,
    knows: events.knows,
    wants,
    declaration: declaration.slice(0, 16),
  };
}
