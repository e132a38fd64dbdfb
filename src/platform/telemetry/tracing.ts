import {
  context,
  diag,
  DiagLogLevel,
  propagation,
  SpanStatusCode,
  trace,
  type Tracer,
} from "@opentelemetry/api";
import type { Logger } from "pino";

/** Only while spans are exported: the API's no-ops would cost more than the routing of a request. */
let tracer: Tracer | undefined;

/** A span around `work`, where spans are exported. */
export function span<T>(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  work: () => Promise<T>,
): Promise<T> {
  if (!tracer) return work();
  return tracer.startActiveSpan(name, { attributes }, async (current) => {
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

/** Runs `work` as part of the trace that the headers of a request carry (W3C trace context). */
export const withinTrace = <T>(headers: object, work: () => T): T =>
  tracer ? context.with(propagation.extract(context.active(), headers), work) : work();

/** For one export, retries included: a collector that is away holds up a stop for so long. */
const exportTimeoutMs = 2_000;

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
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  const provider = new NodeTracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": "basalt" }),
    spanProcessors: [
      new BatchSpanProcessor(new OTLPTraceExporter({ url, timeoutMillis: exportTimeoutMs })),
    ],
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
