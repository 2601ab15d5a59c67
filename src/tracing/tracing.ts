/** Where a trace stands, as W3C Trace Context; what travels with a job, from the request that made it to its steps. */
export interface TraceContext {
  traceparent: string;
  tracestate?: string;
}

export type Attributes = Record<string, string | number>;

export interface SpanStart {
  kind: 'server' | 'consumer' | 'internal';
  /** Headers of a request, or the context of a job; without one a new trace begins. */
  parent?: Record<string, unknown> | TraceContext;
  attributes: Attributes;
  /** Epoch, ms; default now. */
  from?: number;
}

/** A span that has begun. */
export interface OpenSpan {
  /** For what belongs below it; undefined where the sampler left it out. */
  context: TraceContext | undefined;
  /** @param error code of what went wrong, if anything did */
  end(attributes: Attributes, error?: string | null, at?: number): void;
}

/** Tracing in three verbs; metrics and logs go other ways. */
export interface Tracing {
  start(name: string, span: SpanStart): OpenSpan;
  /** Send what is left. */
  close(): Promise<void>;
}
