/** Port: leases of work that one process may do at a time. */
export type Leases = {
  /** Takes leases that are free and renews those of the holder, each for `ms`; answers those held now. */
  readonly take: (
    names: readonly string[],
    holder: string,
    ms: number,
  ) => Promise<ReadonlySet<string>>;
  /** Gives back all leases of the holder. */
  readonly release: (holder: string) => Promise<void>;
};
