/**
 * Codes with which jobs, and attempts at steps, fail (those of docs/errors.md for jobs). Counters begin with all of them at zero:
 * Prometheus sees an increase only between two samples, so a code that first appears with its first failure would hide it.
 */
export const FAILURE_CODES = [
  'attempt_superseded',
  'backend_unavailable',
  'bases_too_narrow',
  'bfloat16_overflow',
  'calibration_not_finite',
  'device_failed',
  'device_memory_exhausted',
  'eigensolver_failed',
  'figure_not_finite',
  'file_truncated',
  'float16_overflow',
  'float32_overflow',
  'float64_overflow',
  'internal_error',
  'job_damaged',
  'job_timeout',
  'not_positive_definite',
  'output_invalid',
  'sequence_too_long',
  'source_changed',
  'source_unavailable',
  'source_unsuitable',
  'storage_full',
  'store_unavailable',
  'token_out_of_range',
  'weights_not_finite',
  'worker_crashed',
  'worker_lost',
] as const;

/** Codes of replies that tell of the service's own state, not of a request: counted from zero for the same reason. */
export const SERVICE_PROBLEMS = [
  'artifact_damaged',
  'internal_error',
  'job_damaged',
  'keys_unavailable',
  'queue_full',
  'queue_unavailable',
  'rate_limited',
  'storage_full',
  'store_unavailable',
  'unauthorized',
] as const;
