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

/** A consumer without its types, as subscriptions run it. */
export type AnyConsumer<Scope> = {
  readonly name: string;
  readonly partitions: number;
  readonly batchSize: number;
  readonly wants: (type: string) => boolean;
  readonly handle: (event: Recorded, scope: Scope, context: Context) => Promise<void>;
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
    async handle(recorded, scope, context) {
      const decoded = events.decode(recorded);
      if (!decoded.ok) throw new Error(`${recorded.type} cannot be read`, { cause: decoded.error });
      await reactions[recorded.type]?.({ ...recorded, ...decoded.value }, scope, context);
    },
  };
}
