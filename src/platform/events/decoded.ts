import type { Event, Registry } from "#kernel/event.ts";
import { Unavailable } from "../unavailable.ts";

/**
 * A stored event as the code knows it. `Unavailable` where a newer process has written it: one of
 * those can read it. Anything else that cannot be read is a broken promise.
 */
export function decoded<E extends Event>(events: Registry<E>, stored: Event): E {
  const event = events.decode(stored);
  if (event.ok) return event.value;
  const { type, schemaVersion } = stored;
  if (!events.knows(stored))
    throw new Unavailable(`${type} v${schemaVersion} was written by a newer Basalt`, {});
  const issues = event.error.type === "invalid" ? event.error.issues : [];
  const why = issues.map(({ path, message }) => `${path} ${message}`).join(", ");
  throw new Error(`${type} v${schemaVersion} cannot be read: ${why}`);
}
