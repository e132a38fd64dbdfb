/**
 * Port: values that may be forgotten at any time. A cache that does not answer is a cache miss,
 * never an error: whoever asks must be able to do without.
 */
export type Cache = {
  readonly get: (key: string) => Promise<string | undefined>;
  readonly set: (key: string, value: string, lifeMs: number) => Promise<void>;
  readonly delete: (key: string) => Promise<void>;
  /** Whether it answers now. */
  readonly isUp: () => Promise<boolean>;
};
