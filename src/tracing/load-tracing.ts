import type { Tracing } from './tracing.js';

const ENDPOINTS = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'];

/**
 * Tracing by OpenTelemetry, where its standard variables name an endpoint. Elsewhere nothing of it is loaded: the SDK
 * is some megabytes in each process.
 */
export async function loadTracing(service: string, environment = process.env): Promise<Tracing | undefined> {
  const named = ENDPOINTS.some((name) => environment[name]);
  if (!named || environment.OTEL_SDK_DISABLED === 'true') return undefined;
  const { OtlpTracing } = await import('./otlp-tracing.js');
  return new OtlpTracing(service);
}
