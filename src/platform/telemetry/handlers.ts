import type { Context } from "#kernel/context.ts";
import type { Clock } from "#kernel/instant.ts";
import type { Result } from "#kernel/result.ts";
import { entryOf, type Audit } from "../audit/audit.ts";
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

export type Instruments = {
  readonly metrics: Metrics;
  readonly audit: Audit;
  readonly clock: Clock;
  /** Refusals that the audit keeps, though they change nothing: somebody tried what they may not. */
  readonly denials: ReadonlySet<string>;
};

/**
 * Wraps each handler of a context once: a span, a histogram, the name that the audit gives to what
 * it does, and a new attempt after a lost race (the handler loads and decides anew). What breaks is
 * logged by who called: edge or consumer.
 */
export function instrumented<const H extends { readonly [name: string]: AnyHandler }>(
  contextName: string,
  handlers: H,
  instruments: Instruments,
): H {
  const wrapped = Object.entries(handlers).map(
    ([name, handler]) => [name, wrap(`${contextName}.${name}`, handler, instruments)] as const,
  );
  return Object.fromEntries(wrapped) as H;
}

function wrap(operation: string, handler: AnyHandler, instruments: Instruments): AnyHandler {
  const { metrics, audit, clock, denials } = instruments;
  const outcomes = new Map<string, { observe: (seconds: number) => void }>();
  const observe = (outcome: string, startedAt: number) => {
    let histogram = outcomes.get(outcome);
    if (!histogram) {
      histogram = metrics.handlers.labels(operation, outcome);
      outcomes.set(outcome, histogram);
    }
    histogram.observe((performance.now() - startedAt) / 1000);
  };

  return (input, asked) => {
    const context: Context = { ...asked, operation };
    const attributes = {
      "basalt.correlation_id": context.correlationId,
      "basalt.actor": context.actor,
    };
    return span(operation, attributes, async () => {
      const startedAt = performance.now();
      try {
        const result = await decideAnew(handler, input, context, () =>
          metrics.conflicts.inc({ handler: operation }),
        );
        const outcome = result.ok ? "ok" : typeOf(result.error);
        if (denials.has(outcome))
          await audit.enter(
            entryOf(context, { at: clock.now(), outcome, targets: targetsOf(input) }),
          );
        observe(outcome, startedAt);
        return result;
      } catch (error) {
        observe("error", startedAt);
        throw error;
      }
    });
  };
}

const named: ReadonlySet<string> = new Set(["email", "role"]);

/** What was asked for: the ids, the address and the role in the input. */
const targetsOf = (input: unknown): readonly string[] =>
  Object.entries(input as object).flatMap(([field, value]) =>
    typeof value === "string" && (named.has(field) || field.endsWith("Id")) ? [value] : [],
  );

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
