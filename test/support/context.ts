import type { Context } from "#kernel/context.ts";
import { systemClock } from "#platform/system.ts";

/** The context of a request, with twenty seconds left. */
export const testContext = (more: Partial<Context> = {}): Context => ({
  actor: "tester",
  correlationId: "test",
  deadlineMs: systemClock.unixMs() + 20_000,
  ...more,
});
