/**
 * Something that Basalt needs does not answer in time: a database, a broker, a full queue. The
 * request may be tried again later; it becomes a 503. Nothing was promised that is not kept.
 */
export class Unavailable extends Error {
  override readonly name: string = "Unavailable";
  readonly retryAfterS: number;

  constructor(what: string, options: { readonly cause?: unknown; readonly retryAfterS?: number }) {
    super(what, { cause: options.cause });
    this.retryAfterS = options.retryAfterS ?? 1;
  }
}

/**
 * One statement, or its wait for a lock, took longer than it may: nothing of it was done. Others
 * may be answered meanwhile.
 */
export class TimedOut extends Unavailable {
  override readonly name = "TimedOut";
}

/**
 * The other side does not take this one now, as a full mailbox does; it may take others. It is to be
 * tried again for as long as an outage is, and stops nothing else.
 */
export class Deferred extends Error {
  override readonly name = "Deferred";
}
