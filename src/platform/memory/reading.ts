type Read = (...given: readonly unknown[]) => Promise<unknown>;

const AsyncFunction = (async () => {}).constructor;
const isRead = (part: unknown): part is Read => part instanceof AsyncFunction;

/**
 * The same ports, whose reads wait for something first. A read is an async function, as a write,
 * which is only collected, is not.
 */
export function readingAfter<Ports>(before: () => Promise<void>, ports: Ports): Ports {
  if (typeof ports !== "object" || ports === null) return ports;
  const parts = Object.entries(ports).map(([name, part]): [string, unknown] => [
    name,
    isRead(part) ? after(before, part) : readingAfter(before, part),
  ]);
  return Object.fromEntries(parts) as Ports;
}

const after =
  (before: () => Promise<void>, read: Read): Read =>
  async (...given) => {
    await before();
    return read(...given);
  };
