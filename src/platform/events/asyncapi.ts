import type { Event, Registry } from "#kernel/event.ts";
import { EventId } from "#kernel/event.ts";
import { Instant } from "#kernel/instant.ts";
import type { JsonSchema } from "#kernel/shape.ts";
import { Version } from "#kernel/version.ts";

const text = { type: "string" } as const;

/** The envelope of every event. */
const envelope = (type: string, schemaVersion: number, payload: JsonSchema): JsonSchema => ({
  type: "object",
  required: [
    "id",
    "stream",
    "version",
    "type",
    "schemaVersion",
    "payload",
    "metadata",
    "occurredAt",
  ],
  properties: {
    id: EventId.schema,
    stream: { ...text, description: "The aggregate that it happened to" },
    version: { ...Version.schema, description: "Counts within the stream, from 1" },
    type: { const: type },
    schemaVersion: { const: schemaVersion },
    payload,
    metadata: {
      type: "object",
      required: ["actor", "correlationId"],
      properties: { actor: text, correlationId: text, causationId: text },
    },
    occurredAt: Instant.schema,
  },
});

const nameOf = (type: string) =>
  type.replaceAll(/[.-](.)/g, (_, next: string) => next.toUpperCase());

/** The events that contexts publish, as an AsyncAPI 3.0 document: made of their registries. */
export function asyncApi(
  title: string,
  version: string,
  contexts: Readonly<Record<string, Registry<Event>>>,
): JsonSchema {
  const messages = Object.values(contexts)
    .flatMap(({ declarations }) => declarations)
    .map(({ type, schemaVersion, payload }) => [
      nameOf(type),
      {
        name: type,
        title: type,
        contentType: "application/json",
        payload: envelope(type, schemaVersion, payload.schema),
      },
    ]);
  const messagesOf = ({ declarations }: Registry<Event>) =>
    Object.fromEntries(
      declarations.map(({ type }) => {
        const name = nameOf(type);
        return [name, { $ref: `#/components/messages/${name}` }];
      }),
    );
  return {
    asyncapi: "3.0.0",
    info: {
      title,
      version,
      description: "What contexts publish: each event once per consumer, in order per stream",
      license: { name: "MIT" },
    },
    defaultContentType: "application/json",
    channels: Object.fromEntries(
      Object.entries(contexts).map(([context, registry]) => [
        context,
        { address: `${context}.events`, messages: messagesOf(registry) },
      ]),
    ),
    operations: Object.fromEntries(
      Object.keys(contexts).map((context) => [
        `publish${context.charAt(0).toUpperCase()}${context.slice(1)}Events`,
        { action: "send", channel: { $ref: `#/channels/${context}` } },
      ]),
    ),
    components: { messages: Object.fromEntries(messages) },
  };
}
