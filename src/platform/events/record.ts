import type { Context } from "#kernel/context.ts";
import { EventId, type Event, type EventMetadata, type Recorded } from "#kernel/event.ts";
import type { NewId } from "#kernel/id.ts";
import type { Clock } from "#kernel/instant.ts";
import { traceHeaders } from "../telemetry/tracing.ts";
import { Version } from "#kernel/version.ts";

/** Events that a unit of work announces about one aggregate, seen at `version`. */
export type Announced = {
  readonly stream: string;
  readonly version: Version;
  readonly events: readonly Event[];
};

export type Recorder = { readonly clock: Clock; readonly newId: NewId };

export function metadataOf({ actor, correlationId, causationId }: Context): EventMetadata {
  const { traceparent } = traceHeaders();
  return {
    actor,
    correlationId,
    ...(causationId === undefined ? {} : { causationId }),
    ...(traceparent === undefined ? {} : { traceparent }),
  };
}

/** How long a consumer may work on one event. */
const consumerDeadlineMs = 30_000;

/** The context of the effects of an event. */
export const causedBy = ({ id, metadata }: Recorded, clock: Clock): Context => ({
  actor: "system",
  correlationId: metadata.correlationId,
  causationId: id,
  deadlineMs: clock.unixMs() + consumerDeadlineMs,
});

/** Completes announced events with id, version in the stream, time and metadata. */
export function record(
  { clock, newId }: Recorder,
  context: Context,
  announced: readonly Announced[],
): readonly Recorded[] {
  const occurredAt = clock.now();
  const metadata = metadataOf(context);
  const recorded: Recorded[] = [];
  for (const { stream, version, events } of announced)
    for (const [index, { type, schemaVersion, payload }] of events.entries())
      recorded.push({
        type,
        schemaVersion,
        payload,
        id: newId(EventId),
        stream,
        version: Version.plus(version, index + 1),
        occurredAt,
        metadata,
      });
  return recorded;
}
