import {
  defaultTextMapGetter,
  defaultTextMapSetter,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { VERSION } from '../version.js';
import type { OpenSpan, SpanStart, TraceContext, Tracing } from './tracing.js';

const KINDS = { server: SpanKind.SERVER, consumer: SpanKind.CONSUMER, internal: SpanKind.INTERNAL };

/** Spans sent as OTLP over HTTP. Endpoint, headers, sampler, batches and resource are set by the OTEL_* variables. */
export class OtlpTracing implements Tracing {
  private readonly provider: BasicTracerProvider;
  private readonly tracer: Tracer;
  private readonly propagator = new W3CTraceContextPropagator();

  constructor(service: string) {
    const resource = defaultResource()
      .merge(resourceFromAttributes({ 'service.name': service, 'service.version': VERSION }))
      .merge(detectResources({ detectors: [envDetector] }));
    this.provider = new BasicTracerProvider({
      resource,
      spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
    });
    this.tracer = this.provider.getTracer('weightfold', VERSION);
  }

  start(name: string, { kind, parent, attributes, from }: SpanStart): OpenSpan {
    const above = parent ? this.propagator.extract(ROOT_CONTEXT, parent, defaultTextMapGetter) : ROOT_CONTEXT;
    const span = this.tracer.startSpan(name, { kind: KINDS[kind], attributes, startTime: from }, above);
    const carrier: Partial<TraceContext> = {};
    this.propagator.inject(trace.setSpan(above, span), carrier, defaultTextMapSetter);
    const { traceparent, tracestate } = carrier;
    return {
      context: traceparent === undefined ? undefined : { traceparent, ...(tracestate && { tracestate }) },
      end: (more, error, at) => {
        span.setAttributes(more);
        if (error) span.setAttribute('error.type', error).setStatus({ code: SpanStatusCode.ERROR, message: error });
        span.end(at);
      },
    };
  }

  async close(): Promise<void> {
    // What cannot be delivered must not keep a process from ending.
    await this.provider.shutdown().catch(() => {});
  }
}
