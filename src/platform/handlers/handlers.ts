import type { Audit } from "#kernel/audit.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { stopwatch } from "../telemetry/stopwatch.ts";
import { span } from "../telemetry/tracing.ts";
import { auditingDenials } from "./denials.ts";
import { outcomeOf, type AnyHandler } from "./handler.ts";
import { retryingConflicts } from "./retry.ts";

type Handlers = { readonly [name: string]: AnyHandler };

type DenialOf<H> = H extends (...all: never) => Promise<infer R>
  ? R extends { readonly error: { readonly type: infer Type extends string } }
    ? Type
    : never
  : never;

type FieldOf<H> = H extends (input: infer I, ...rest: never) => unknown ? keyof I & string : never;

type Options<H extends Handlers> = {
  readonly metrics: Metrics;
  readonly audit: Pick<Audit, "enter">;
  /** The refusals that the audit keeps, since an actor may have tried what is not theirs. */
  readonly denials: readonly DenialOf<H[keyof H]>[];
  /** The fields of inputs by which the audit names the target of a denial, beside ids. */
  readonly targetFields?: readonly FieldOf<H[keyof H]>[];
};

/**
 * Wraps each handler of a context once: a span, a histogram, denials in the audit, and a new attempt
 * after a lost race. Unexpected errors are thrown on; the edge or the consumer that called logs them.
 */
export function createHandlers<const H extends Handlers>(
  contextName: string,
  handlers: H,
  { metrics, ...options }: Options<H>,
): H {
  const audited = {
    ...options,
    denials: new Set<string>(options.denials),
    targetFields: new Set<string>(options.targetFields),
  };
  const wrapped = Object.entries(handlers).map(([name, handler]) => {
    const operation = `${contextName}.${name}`;
    const retried = retryingConflicts(handler, () => metrics.conflicts.inc({ handler: operation }));
    return [name, measured(operation, auditingDenials(retried, audited), metrics)] as const;
  });
  return Object.fromEntries(wrapped) as H;
}

function measured(operation: string, handler: AnyHandler, metrics: Metrics): AnyHandler {
  const outcomes = new Map<string, { observe: (seconds: number) => void }>();
  const observe = (outcome: string, seconds: number) => {
    let histogram = outcomes.get(outcome);
    if (!histogram) {
      histogram = metrics.handlers.labels(operation, outcome);
      outcomes.set(outcome, histogram);
    }
    histogram.observe(seconds);
  };

  return (input, context) => {
    const { correlationId, actor } = context;
    const attributes = { "basalt.correlation_id": correlationId, "basalt.actor": actor };
    return span(operation, attributes, async () => {
      const seconds = stopwatch();
      try {
        const result = await handler(input, { ...context, operation });
        observe(outcomeOf(result), seconds());
        return result;
      } catch (error) {
        observe("error", seconds());
        throw error;
      }
    });
  };
}
