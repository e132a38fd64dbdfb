import type { Context } from "#kernel/context.ts";
import type { Result } from "#kernel/result.ts";
import type { Metrics } from "./metrics.ts";
import { span } from "./tracing.ts";

/** A command or query of a context. */
export type Handler<Input, Value, Refusal> = (
  input: Input,
  context: Context,
) => Promise<Result<Value, Refusal>>;

type AnyHandler = Handler<never, unknown, unknown>;

/** Attempts at a command whose unit of work lost a race; then the conflict is the answer. */
const maxAttempts = 5;

/**
 * Wraps each handler of a context once: a span, a histogram, and a new attempt after a lost race
 * (the handler loads and decides anew). What breaks is logged by who called: edge or consumer.
 */
export function instrumented<const H extends { readonly [name: string]: AnyHandler }>(
  contextName: string,
  handlers: H,
  metrics: Metrics,
): H {
  const wrapped = Object.entries(handlers).map(
    ([name, handler]) => [name, wrap(`${contextName}.${name}`, handler, metrics)] as const,
  );
  return Object.fromEntries(wrapped) as H;
}

function wrap(name: string, handler: AnyHandler, metrics: Metrics): AnyHandler {
  const outcomes = new Map<string, { observe: (seconds: number) => void }>();
  const observe = (outcome: string, startedAt: number) => {
    let histogram = outcomes.get(outcome);
    if (!histogram) {
      histogram = metrics.handlers.labels(name, outcome);
      outcomes.set(outcome, histogram);
    }
    histogram.observe((performance.now() - startedAt) / 1000);
  };

  return (input, context) => {
    const attributes = {
      "basalt.correlation_id": context.correlationId,
      "basalt.actor": context.actor,
    };
    return span(name, attributes, async () => {
      const startedAt = performance.now();
      try {
        const result = await decideAnew(handler, input, context, () =>
          metrics.conflicts.inc({ handler: name }),
        );
        observe(result.ok ? "ok" : typeOf(result.error), startedAt);
        return result;
      } catch (error) {
        observe("error", startedAt);
        throw error;
      }
    });
  };
}

async function decideAnew(
  handler: AnyHandler,
  input: never,
  context: Context,
  onConflict: () => void,
): Promise<Result<unknown, unknown>> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await handler(input, context);
    if (result.ok || typeOf(result.error) !== "conflict" || attempt === maxAttempts) return result;
    onConflict();
  }
}

const typeOf = (error: unknown): string =>
  typeof error === "object" && error !== null && "type" in error ? String(error.type) : "refused";
