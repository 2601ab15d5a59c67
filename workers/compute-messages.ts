import { type FieldError, WeightfoldError } from '../src/errors.js';
import type { StepReport } from './step-report.js';

/** The step a compute process is asked for; the rest is in the store. */
export interface StepToRun {
  id: string;
  step: string;
}

/** From the worker to its compute process. */
export type Ask = { run: StepToRun } | { abort: string };

/** From the compute process to its worker: it took the step up, it lives, the step has ended. */
export type Answer = { began: true } | { alive: true } | { done: StepReport | null } | { failed: StepFailure };

/** An error on its way between the processes. */
export interface StepFailure {
  message: string;
  stack?: string;
  /** Of errors that weightfold raises on purpose. */
  known?: { code: string; status: number; retryable: boolean; errors: FieldError[] };
}

export function packError(error: unknown): StepFailure {
  if (!(error instanceof Error)) return { message: String(error) };
  const { message, stack } = error;
  if (!(error instanceof WeightfoldError)) return { message, stack };
  const { code, status, retryable, errors } = error;
  return { message, stack, known: { code, status, retryable, errors } };
}

export function unpackError({ message, stack, known }: StepFailure): Error {
  const error = known ? new WeightfoldError(message, known) : new Error(message);
  if (stack) error.stack = stack;
  return error;
}
