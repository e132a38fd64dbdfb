import pg from "pg";

/** SQLSTATE of a constraint or a schedule that only a racing transaction can break. */
const lostRaces = new Set([
  "23505", // unique_violation
  "23P01", // exclusion_violation
  "40001", // serialization_failure
  "40P01", // deadlock_detected
]);

/** SQLSTATE of a statement that the server has ended because it took too long. */
const timeouts = new Set([
  "55P03", // lock_not_available
  "57014", // query_canceled: statement_timeout
]);

/** SQLSTATE of a server that does not serve. Source: PostgreSQL appendix A. */
const outages = new Set([
  "25006", // read_only_sql_transaction: a replica, or one that is about to become the primary
  "25P03", // idle_in_transaction_session_timeout
  "25P04", // transaction_timeout
  "26000", // invalid_sql_statement_name: the statement before it, which was to prepare it, failed
  "57P01", // admin_shutdown
  "57P02", // crash_shutdown
  "57P03", // cannot_connect_now
]);
/** Classes of these: connections, resources such as the disk, and the system below the server. */
const outageClasses = ["08", "53", "58"];

/** The disk of the server is full: what writes fails, what reads goes on. */
export const isDiskFull = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && codeOf(error) === "53100";

const socketErrors = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ENOENT", // the unix socket is gone
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "ENOTFOUND",
  "EAI_AGAIN",
]);

/** Messages of `pg` without a code, for ended connections and its own timers. */
const outageMessages =
  /connection terminated|query read timeout|timeout exceeded when trying to connect|not queryable|cannot use a pool after/i;

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error ? String(error.code) : "";

/**
 * A check constraint of this name repeats what the domain has decided on the row as it was read: only a racing transaction
 * can break it. Any other check that fails is a defect.
 */
const isGuard = ({ code, constraint }: pg.DatabaseError): boolean =>
  code === "23514" && constraint?.endsWith("_guard") === true;

export const isLostRace = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && (lostRaces.has(codeOf(error)) || isGuard(error));

export const isTimeout = (error: unknown): boolean =>
  error instanceof pg.DatabaseError && timeouts.has(codeOf(error));

export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error instanceof AggregateError) return error.errors.some(isOutage);
  const code = codeOf(error);
  if (error instanceof pg.DatabaseError)
    return outages.has(code) || outageClasses.some((some) => code.startsWith(some));
  return socketErrors.has(code) || outageMessages.test(error.message);
}

/** A slot that was to be moved is held by another process (migration 0004 of the event log). */
export const isLeaseLost = (error: unknown): boolean => codeOf(error) === "BA001";
