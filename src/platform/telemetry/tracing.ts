import { below } from "../address.ts";
import {
  context,
  createContextKey,
  diag,
  DiagLogLevel,
  propagation,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from "@opentelemetry/api";
import type { ReadableSpan, SpanProcessor } from "@opentelemetry/sdk-trace-node";
import type { Logger } from "pino";

/** Only while spans are exported: the API's no-ops would cost more than the routing of a request. */
let tracer: Tracer | undefined;

type Attributes = Readonly<Record<string, string | number>>;
type Options = {
  readonly kind?: SpanKind;
  readonly links?: readonly Link[];
  readonly within?: Context;
};

/** A span around `work`, where spans are exported. */
export function span<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
  { kind = SpanKind.INTERNAL, links = [], within = context.active() }: Options = {},
): Promise<T> {
  if (!tracer) return work();
  const options = { attributes, kind, links: [...links] };
  return tracer.startActiveSpan(name, options, within, async (current) => {
    try {
      return await work();
    } catch (error) {
      current.recordException(error instanceof Error ? error : String(error));
      current.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      current.end();
    }
  });
}

/** The trace that the headers of a message carry. Source: W3C trace context. */
const traceIn = (headers: object): Context => propagation.extract(ROOT_CONTEXT, headers);

/** The headers that carry the current trace on: none where spans are not exported. */
export function traceHeaders(): { readonly traceparent?: string; readonly tracestate?: string } {
  const headers = {};
  if (tracer) propagation.inject(context.active(), headers);
  return headers;
}

/** Names the current span in log lines: nothing where spans are not exported. */
export function traceIds(): { readonly trace_id?: string; readonly span_id?: string } {
  const current = tracer && trace.getSpan(context.active())?.spanContext();
  return current ? { trace_id: current.traceId, span_id: current.spanId } : {};
}

export const isTracing = (): boolean => tracer !== undefined;

/** A span of a request from its arrival to its answer, also where it is refused before it is handled. */
export type RequestSpan = {
  readonly within: <T>(work: () => T) => T;
  readonly end: (status: number) => void;
};
const serverError = 500;

export function requestSpan(
  headers: object,
  name: string,
  attributes: Attributes,
): RequestSpan | undefined {
  if (!tracer) return undefined;
  const caller = traceIn(headers);
  const current = tracer.startSpan(name, { attributes, kind: SpanKind.SERVER }, caller);
  const active = trace.setSpan(caller, current);
  return {
    within: (work) => context.with(active, work),
    end(status) {
      current.setAttribute("http.response.status_code", status);
      if (status >= serverError) current.setStatus({ code: SpanStatusCode.ERROR });
      current.end();
    },
  };
}

/** Traces that a batch names at most. */
const maxLinks = 64;

/** A span of a consumer: it belongs to the trace of its first event, and names those of the others. */
export function consumerSpan<T>(
  consumer: string,
  events: readonly {
    readonly type: string;
    readonly metadata: { readonly traceparent?: string };
  }[],
  work: () => Promise<T>,
): Promise<T> {
  if (!tracer) return work();
  const traces = events.slice(0, maxLinks).flatMap(({ metadata: { traceparent } }) => {
    const found = traceparent && trace.getSpanContext(traceIn({ traceparent }));
    return found ? [found] : [];
  });
  const [first, ...others] = traces;
  const attributes = {
    "messaging.operation.type": "process",
    "messaging.consumer.group.name": consumer,
    "messaging.batch.message_count": events.length,
    "basalt.event_type": events[0]?.type ?? "",
  };
  return span(consumer, attributes, work, {
    kind: SpanKind.CONSUMER,
    links: others.map((linked) => ({ context: linked })),
    within: first ? trace.setSpanContext(ROOT_CONTEXT, first) : ROOT_CONTEXT,
  });
}

/** A span of a call to another server. */
export const clientSpan = <T>(name: string, attributes: Attributes, work: () => Promise<T>) =>
  span(name, attributes, work, { kind: SpanKind.CLIENT });

const run = createContextKey("the run of a background job");
const idle = "basalt.idle";

/** A span of a run of a job. Where the run finds nothing to do and does not fail, its trace is not exported. */
export function jobSpan<T>(
  name: string,
  attributes: Attributes,
  work: () => Promise<T>,
): Promise<T> {
  if (!tracer) return work();
  const traced = async () => {
    const current = trace.getActiveSpan();
    current?.setAttribute(idle, true);
    return context.with(context.active().setValue(run, current), work).catch((error: unknown) => {
      current?.setAttribute(idle, false);
      throw error;
    });
  };
  return span(name, attributes, traced, { within: ROOT_CONTEXT });
}

/** Tells that the run of the current job, if there is one, has done something. */
export function noteWork(): void {
  if (tracer) (context.active().getValue(run) as Span | undefined)?.setAttribute(idle, false);
}

/** Keeps the spans of a job until it has ended, and drops them if it was idle. */
function withoutIdleJobs(next: SpanProcessor): SpanProcessor {
  const waiting = new Map<string, ReadableSpan[]>();
  return {
    onStart(started, parent) {
      const { traceId } = started.spanContext();
      if (parent.getValue(run) !== undefined && !waiting.has(traceId)) waiting.set(traceId, []);
      next.onStart(started, parent);
    },
    onEnd(ended) {
      const { traceId } = ended.spanContext();
      const isJob = ended.attributes[idle] !== undefined;
      const kept = waiting.get(traceId);
      if (kept && !isJob) kept.push(ended);
      else if (ended.attributes[idle] !== true)
        for (const one of [...(kept ?? []), ended]) next.onEnd(one);
      if (isJob) waiting.delete(traceId);
    },
    forceFlush: () => next.forceFlush(),
    shutdown: () => next.shutdown(),
  };
}

/** For one export, retries included: a collector that is away holds up a stop for so long. */
export const exportTimeoutMs = 2_000;

/**
 * Exports spans to an OTLP collector; what it does not take is lost and logged. Loaded only where
 * one is configured: it is large.
 */
export async function exportTraces(endpoint: string, log: Logger): Promise<AsyncDisposable> {
  const [{ NodeTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-node"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const url = below(endpoint, "/v1/traces");
  const batches = new BatchSpanProcessor(
    new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs }),
  );
  const provider = new NodeTracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": "basalt" }),
    spanProcessors: [withoutIdleJobs(batches)],
  });
  const lost = (reason: unknown) => log.warn({ error: String(reason) }, "trace spans were lost");
  const ignore = () => {};
  diag.setLogger(
    { error: lost, warn: lost, info: ignore, debug: ignore, verbose: ignore },
    DiagLogLevel.WARN,
  );
  provider.register();
  tracer = trace.getTracer("basalt");
  return {
    async [Symbol.asyncDispose]() {
      tracer = undefined;
      await provider.shutdown().catch(lost);
      trace.disable();
      context.disable();
      propagation.disable();
      diag.disable();
    },
  };
}
