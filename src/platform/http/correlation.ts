import { randomUUID } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";

const safeId = /^[\w.:-]{1,128}$/;
const traceparent = /^[\da-f]{2}-([\da-f]{32})-[\da-f]{16}-[\da-f]{2}$/;

/** One id for all that follows: the caller's `x-request-id`, its W3C trace id, or a new one. */
export function correlationIdOf(headers: IncomingHttpHeaders): string {
  const given = headers["x-request-id"];
  if (typeof given === "string" && safeId.test(given)) return given;
  const trace = headers["traceparent"];
  return (typeof trace === "string" && traceparent.exec(trace)?.[1]) || randomUUID();
}
