import { DataError, WeightfoldError } from '../errors.js';

/** A remote source could not be read just now: worth another attempt. */
export class SourceUnavailable extends WeightfoldError {
  constructor(message: string, retryAfter?: number) {
    super(message, { code: 'source_unavailable', status: 502, retryable: true, retryAfter });
  }
}

/** A remote source will not be read, however often it is asked. */
export const sourceRefused = (message: string) => new DataError('source_not_allowed', message);
export const sourceMissing = (message: string) => new DataError('source_not_found', message);
export const sourceUnsuitable = (message: string) => new DataError('source_unsuitable', message);
export const sourceChanged = (what: string) =>
  new DataError('source_changed', `${what} changed after the job was submitted. Submit the job again.`);
