/**
 * Something that Basalt needs does not answer in time: a database, a broker, a full queue. The
 * request may be tried again later; it becomes a 503. Nothing was promised that is not kept.
 */
export class Unavailable extends Error {
  override readonly name = "Unavailable";
  readonly retryAfterS: number;

  constructor(what: string, options: { readonly cause?: unknown; readonly retryAfterS?: number }) {
    super(what, { cause: options.cause });
    this.retryAfterS = options.retryAfterS ?? 1;
  }
}
