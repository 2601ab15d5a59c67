import { WeightfoldError, type WeightfoldErrorOptions } from '../errors.js';

/** What a thread sends back: errors lose their class on the way, so they travel as data. */
export type Answer = { value: unknown } | { error: SentError };

export interface SentError {
  message: string;
  stack?: string;
  /** Of an error that weightfold raised on purpose. */
  options?: Omit<WeightfoldErrorOptions, 'cause'>;
  /** Of the system's own, e.g. ENOENT. */
  code?: string;
}

export function send(error: unknown): SentError {
  const { message, stack } = error instanceof Error ? error : new Error(String(error));
  if (!(error instanceof WeightfoldError)) return { message, stack, code: (error as NodeJS.ErrnoException).code };
  const { code, status, retryable, errors, retryAfter } = error;
  return { message, stack, options: { code, status, retryable, errors, retryAfter } };
}

export function revive({ message, stack, options, code }: SentError): Error {
  const error = options ? new WeightfoldError(message, options) : Object.assign(new Error(message), code && { code });
  error.stack = stack;
  return error;
}
