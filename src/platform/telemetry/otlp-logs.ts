import { below } from "../address.ts";
import { ROOT_CONTEXT, trace, TraceFlags, type Attributes } from "@opentelemetry/api";
import type { DestinationStream } from "pino";
import { exportTimeoutMs } from "./tracing.ts";

/** Lines that go to a collector as well, and how to send the last ones. */
export type OtlpLogs = { readonly stream: DestinationStream; readonly close: () => Promise<void> };

type Line = {
  readonly level: number;
  readonly time: number;
  readonly msg?: string;
  readonly trace_id?: string;
  readonly span_id?: string;
};

/** Severity numbers by the levels of pino. Source: OpenTelemetry, logs data model. */
const severities: Readonly<Record<number, readonly [number, string]>> = {
  10: [1, "TRACE"],
  20: [5, "DEBUG"],
  30: [9, "INFO"],
  40: [13, "WARN"],
  50: [17, "ERROR"],
  60: [21, "FATAL"],
};

const attributesOf = (fields: object): Attributes =>
  Object.fromEntries(
    Object.entries(fields).map(([name, value]: [string, unknown]) => [
      name,
      typeof value === "object" ? JSON.stringify(value) : (value as string),
    ]),
  );

const within = ({ trace_id: traceId, span_id: spanId }: Line) =>
  traceId && spanId
    ? trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags: TraceFlags.SAMPLED })
    : ROOT_CONTEXT;

/** Sends log lines to an OTLP collector. Loaded only where one is configured. */
export async function otlpLogs(endpoint: string): Promise<OtlpLogs> {
  const [{ LoggerProvider, BatchLogRecordProcessor }, { OTLPLogExporter }, resources] =
    await Promise.all([
      import("@opentelemetry/sdk-logs"),
      import("@opentelemetry/exporter-logs-otlp-http"),
      import("@opentelemetry/resources"),
    ]);
  const url = below(endpoint, "/v1/logs");
  const exporter = new OTLPLogExporter({ url, timeoutMillis: exportTimeoutMs });
  const provider = new LoggerProvider({
    resource: resources.resourceFromAttributes({ "service.name": "basalt" }),
    processors: [new BatchLogRecordProcessor({ exporter })],
  });
  const logger = provider.getLogger("basalt");
  return {
    stream: {
      write(text) {
        const line = JSON.parse(text) as Line;
        const { level, time, msg, trace_id: _trace, span_id: _span, ...fields } = line;
        const [severityNumber = 9, severityText = "INFO"] = severities[level] ?? [];
        logger.emit({
          severityNumber,
          severityText,
          timestamp: time,
          context: within(line),
          attributes: attributesOf(fields),
          ...(msg === undefined ? {} : { body: msg }),
        });
      },
    },
    close: () => provider.shutdown().catch(() => {}),
  };
}
