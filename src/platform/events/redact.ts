import { mutation, type Mutation } from "../postgres/writes.ts";

/** Values in the place of fields of payloads, by the names of the fields. */
export type Redaction = Readonly<Record<string, string>>;

/**
 * Replaces fields of all events in some streams, where they have them; the events stay where they are, and can be
 * read. Values: the streams, the redaction as JSON.
 */
export const redactIn = (schema: string): Mutation =>
  mutation(
    `${schema}.redact`,
    "events",
    `update ${schema}.events e
        set payload = (select jsonb_object_agg(key, coalesce($2::jsonb -> key, value))
                         from jsonb_each(e.payload))
      where stream = any($1::text[])
        and payload ?| array(select jsonb_object_keys($2::jsonb))`,
  );

/** A payload with these values in the place of its own. */
export const redacted = (payload: object, redaction: Redaction): object =>
  Object.fromEntries(
    Object.entries(payload).map(([key, value]: [string, unknown]) => [
      key,
      redaction[key] ?? value,
    ]),
  );
