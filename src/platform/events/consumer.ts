import type { Context } from "#kernel/context.ts";
import type { Event, Recorded, Registry } from "#kernel/event.ts";

/** What is done about one kind of event. Effects on the scope are committed with the checkpoint. */
type Reaction<E extends Event, Type extends E["type"], Scope> = (
  event: Recorded<Extract<E, { type: Type }>>,
  scope: Scope,
  context: Context,
) => Promise<void>;

/** A reader of a log: which events it wants, and what it does about them. */
export type Consumer<E extends Event, Scope> = {
  /** Names its checkpoint: a new name starts from the first event. */
  readonly name: string;
  readonly events: Registry<E>;
  readonly on: { readonly [Type in E["type"]]?: Reaction<E, Type, Scope> };
  /** Processes that may share the work, by stream. One unless said. */
  readonly partitions?: number;
  /**
   * Events that are committed together. One for consumers with effects outside the database: these
   * may be repeated after a crash, and then at most for one event.
   */
  readonly batchSize?: number;
};

/** Opens the ports for the effects of an event, which is then their cause. */
export type OpenFor<Scope> = (cause: Recorded) => {
  readonly scope: Scope;
  readonly context: Context;
};

/** A consumer without its types, as subscriptions run it. */
export type AnyConsumer<Scope> = {
  readonly name: string;
  readonly partitions: number;
  readonly batchSize: number;
  readonly wants: (type: string) => boolean;
  /** Does what is to be done about some events, in their order. */
  readonly handle: (events: readonly Recorded[], open: OpenFor<Scope>) => Promise<void>;
};

const defaultBatchSize = 100;

export function consumer<E extends Event, Scope>({
  name,
  events,
  on,
  partitions = 1,
  batchSize = defaultBatchSize,
}: Consumer<E, Scope>): AnyConsumer<Scope> {
  const reactions = on as unknown as { readonly [type: string]: Reaction<Event, string, Scope> };
  return {
    name,
    partitions,
    batchSize,
    wants: (type) => Object.hasOwn(reactions, type),
    async handle(batch, open) {
      for (const recorded of batch) {
        const { scope, context } = open(recorded);
        const event = { ...recorded, ...decoded(events, recorded) };
        await reactions[recorded.type]?.(event, scope, context);
      }
    },
  };
}

function decoded<E extends Event>(events: Registry<E>, recorded: Recorded): E {
  const event = events.decode(recorded);
  if (event.ok) return event.value;
  throw new Error(`${recorded.type} cannot be read`, { cause: event.error });
}

/** A reader that folds events into a read model, a batch at a time. */
export type Projection<E extends Event, Model> = {
  /** Names its checkpoint: a new name starts from the first event. */
  readonly name: string;
  readonly events: Registry<E>;
  readonly project: (events: readonly E[], model: Model) => void;
};

/** Events that are folded together: enough that what is done per batch does not count. */
const projectedAtOnce = 500;

/** A projection as subscriptions run it: one reader, since streams meet in the model. */
export function projection<E extends Event, Model>({
  name,
  events,
  project,
}: Projection<E, Model>): AnyConsumer<Model> {
  const types = new Set(events.declarations.map(({ type }) => type));
  return {
    ...{ name, partitions: 1, batchSize: projectedAtOnce },
    wants: (type) => types.has(type),
    async handle(batch, open) {
      const [first] = batch;
      if (first)
        project(
          batch.map((recorded) => decoded(events, recorded)),
          open(first).scope,
        );
    },
  };
}
