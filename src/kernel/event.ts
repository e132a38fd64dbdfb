import { err, ok, type Result } from "./result.ts";
import { shape, type Fields, type Invalid, type ShapeOf, type Value } from "./shape.ts";
import type { Version } from "./version.ts";
import type { Instant } from "./instant.ts";
import { identifier, type Id } from "./id.ts";

/** A fact of the domain. `schemaVersion` says which spelling of the payload this is. */
export type Event<Type extends string = string, Payload = unknown> = {
  readonly type: Type;
  readonly schemaVersion: number;
  readonly payload: Payload;
};

/** Turns the payload of one schema version into that of the next. */
export type Upcaster = (payload: never) => unknown;

/** A declared event: its constructor, and all that is known of it. */
export type EventDeclaration<Type extends string = string, F extends Fields = Fields> = {
  (payload: ShapeOf<F>): Event<Type, ShapeOf<F>>;
  readonly type: Type;
  readonly schemaVersion: number;
  readonly payload: Value<ShapeOf<F>>;
  readonly upcasters: readonly Upcaster[];
};

/**
 * Declares an event: constructor, type and decoder at once. `upcasters[n]` turns a payload of
 * version n + 1 into version n + 2; a declaration of version v needs v - 1 of them.
 */
export function event<const Type extends string, const F extends Fields>(
  type: Type,
  schemaVersion: number,
  fields: F,
  upcasters: readonly Upcaster[] = [],
): EventDeclaration<Type, F> {
  if (upcasters.length !== schemaVersion - 1)
    throw new Error(`${type} v${schemaVersion} needs ${schemaVersion - 1} upcasters`);

  const create = (payload: ShapeOf<F>) => ({ type, schemaVersion, payload });
  return Object.assign(create, { type, schemaVersion, payload: shape(fields), upcasters });
}

type Made<D> = D extends (payload: never) => infer E ? E : never;
type AnyDeclaration = {
  readonly type: string;
  readonly schemaVersion: number;
  readonly payload: Value<unknown>;
  readonly upcasters: readonly Upcaster[];
};

/** No declaration knows this event, or not in so new a version. */
export type UnknownEvent = {
  readonly type: "unknown-event";
  readonly eventType: string;
  readonly schemaVersion: number;
};

/** All events of a context: the single source of truth about them. */
export type Registry<E extends Event> = {
  readonly declarations: readonly AnyDeclaration[];
  /** Whether an event of this type and schema version can be read; a newer process may write others. */
  readonly knows: (stored: Pick<Event, "type" | "schemaVersion">) => boolean;
  /** Reads a stored event, upcasting old schema versions. */
  readonly decode: (stored: Event) => Result<E, UnknownEvent | Invalid>;
};

export type EventOf<R> = R extends Registry<infer E> ? E : never;

export function registry<const D extends readonly AnyDeclaration[]>(
  ...declarations: D
): Registry<Made<D[number]> & Event> {
  const byType = new Map(declarations.map((declared) => [declared.type, declared]));
  if (byType.size !== declarations.length) throw new Error("an event type is declared twice");

  const declarationOf = ({ type, schemaVersion }: Pick<Event, "type" | "schemaVersion">) => {
    const declared = byType.get(type);
    const isKnown = declared && schemaVersion >= 1 && schemaVersion <= declared.schemaVersion;
    return isKnown ? declared : undefined;
  };

  return {
    declarations,
    knows: (stored) => declarationOf(stored) !== undefined,
    decode({ type, schemaVersion, payload }) {
      const declared = declarationOf({ type, schemaVersion });
      if (!declared) return err({ type: "unknown-event", eventType: type, schemaVersion });

      const upcast = declared.upcasters
        .slice(schemaVersion - 1)
        .reduce<unknown>((old, next) => next(old as never), payload);
      const decoded = declared.payload.parse(upcast);
      if (!decoded.ok) return decoded;
      return ok({
        type,
        schemaVersion: declared.schemaVersion,
        payload: decoded.value,
      } as Made<D[number]> & Event);
    },
  };
}

export type EventId = Id<"evt">;
export const EventId = identifier<EventId>("evt");

/** The origin of an event, written once, when it is appended. */
export type EventMetadata = {
  readonly actor: string;
  readonly correlationId: string;
  readonly causationId?: string;
  /** The trace that it belongs to, if it was exported. Source: W3C trace context. */
  readonly traceparent?: string;
};

/** An event as the log keeps it. `version` counts within `stream`, from 1. */
export type Recorded<E extends Event = Event> = E & {
  readonly id: EventId;
  readonly stream: string;
  readonly version: Version;
  readonly occurredAt: Instant;
  readonly metadata: EventMetadata;
};
