/** Measures how long something takes on this machine: answers the seconds since it was started. */
export function stopwatch(): () => number {
  const startedAt = performance.now();
  return () => (performance.now() - startedAt) / 1_000;
}
