/** One field of a request that was refused: an RFC 6901 pointer into the body and why. */
export interface FieldError {
  pointer: string;
  message: string;
}

export interface WeightfoldErrorOptions {
  /** Stable, documented identifier, e.g. `width_out_of_range`. */
  code: string;
  /** HTTP status this error maps to when it reaches a client. */
  status: number;
  /** Whether the same attempt may succeed later without any change (I/O, queue, memory). */
  retryable?: boolean;
  errors?: FieldError[];
  /** Seconds after which a client may try again; sent as `Retry-After`. */
  retryAfter?: number;
  cause?: unknown;
}

/**
 * Base of every error weightfold raises on purpose. The message states subject, actual value, bound and hint;
 * it is shown to clients, so it holds no secret and no path outside what the client named.
 */
export class WeightfoldError extends Error {
  readonly code: string;
  readonly status: number;
  readonly retryable: boolean;
  readonly errors: FieldError[];
  readonly retryAfter: number | undefined;

  constructor(message: string, options: WeightfoldErrorOptions) {
    super(message, { cause: options.cause });
    this.name = new.target.name;
    this.code = options.code;
    this.status = options.status;
    this.retryable = options.retryable ?? false;
    this.errors = options.errors ?? [];
    this.retryAfter = options.retryAfter;
  }
}

/** The spec cannot succeed, whatever the weights are: refused at submission. */
export class SpecError extends WeightfoldError {
  constructor(code: string, message: string, pointer = '') {
    super(message, { code, status: 422, errors: [{ pointer, message }] });
  }
}

/** The weights themselves, or a file, make the merge impossible: fails the job, never retried. */
export class DataError extends WeightfoldError {
  constructor(code: string, message: string, cause?: unknown) {
    super(message, { code, status: 422, cause });
  }
}

export class NotFoundError extends WeightfoldError {
  constructor(code: string, message: string) {
    super(message, { code, status: 404 });
  }
}

export class ConflictError extends WeightfoldError {
  constructor(code: string, message: string) {
    super(message, { code, status: 409 });
  }
}

/** A job was asked to stop; raised inside the worker to unwind the pipeline. */
export class CancelledError extends WeightfoldError {
  constructor(message = 'The job was cancelled.') {
    super(message, { code: 'cancelled', status: 409 });
  }
}
