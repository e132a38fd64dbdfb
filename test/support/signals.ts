/** Leaves nothing behind where somebody ends it from outside. */
export function endWithSignal(what: AsyncDisposable): void {
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.once(signal, () => {
      void Promise.resolve(what[Symbol.asyncDispose]()).finally(() => process.exit(1));
    });
}
