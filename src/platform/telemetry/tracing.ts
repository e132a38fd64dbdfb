import { context, propagation, SpanStatusCode, trace, type Span } from "@opentelemetry/api";

/** A span around `work`. Without a collector this is the API's no-op. */
export function span<T>(
  name: string,
  attributes: Readonly<Record<string, string | number>>,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  return trace.getTracer("basalt").startActiveSpan(name, { attributes }, async (current) => {
    try {
      return await work(current);
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
  context.with(propagation.extract(context.active(), headers), work);

/** Exports spans to an OTLP collector. Loaded only where one is configured: it is large. */
export async function exportTraces(endpoint: string): Promise<AsyncDisposable> {
  const [{ NodeTracerProvider, BatchSpanProcessor }, { OTLPTraceExporter }, resources] =
    await Promise.all([
      import("@opentelemetry/sdk-trace-node"),
      import("@opentelemetry/exporter-trace-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const url = `${endpoint.replace(/\/$/, "")}/v1/traces`;
  const provider = new NodeTracerProvider({
    resource: resources.resourceFromAttributes({ "service.name": "basalt" }),
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter({ url }))],
  });
  provider.register();
  return {
    async [Symbol.asyncDispose]() {
      await provider.shutdown();
      trace.disable();
      context.disable();
      propagation.disable();
    },
  };
}
