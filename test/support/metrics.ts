/** What Basalt tells of itself: the values of each metric, whatever their labels. */
export type Metrics = (name: string) => readonly number[];

const withinMs = 5_000;

export async function metricsOf(at: URL): Promise<Metrics> {
  const answer = await fetch(at, { signal: AbortSignal.timeout(withinMs) });
  const text = await answer.text();
  return (name) =>
    [...text.matchAll(new RegExp(`^${name}(?:\\{.*\\})? (\\S+)$`, "gm"))].map(([, n]) => Number(n));
}

const sum = (values: readonly number[]) => values.reduce((all, one) => all + one, 0);

/** Bytes of the heap, and of buffers beside it. */
export const heapOf = (metrics: Metrics): number =>
  sum([...metrics("nodejs_heap_size_used_bytes"), ...metrics("nodejs_external_memory_bytes")]);

export const residentOf = (metrics: Metrics): number =>
  sum(metrics("process_resident_memory_bytes"));
export const lagOf = (metrics: Metrics): number => sum(metrics("basalt_subscription_lag_events"));
export const filesOf = (metrics: Metrics): number => sum(metrics("process_open_fds"));
