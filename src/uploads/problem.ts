import { WeightfoldError } from '../errors.js';

/** Codes for what the tus server refuses by itself, by its status. */
const CODES: Record<number, string> = {
  404: 'upload_not_found',
  409: 'upload_offset_conflict',
  410: 'upload_not_found',
  413: 'upload_too_large',
};

/** A refusal of the tus server as one of ours. @param reason its body, one line of text */
export function tusProblem(status: number, reason: string): WeightfoldError {
  const message = reason.trim() || 'The request does not follow the tus protocol, version 1.0.0.';
  const code = CODES[status] ?? (status < 500 || status === 501 ? 'upload_request_invalid' : 'internal_error');
  return new WeightfoldError(message, { code, status });
}
