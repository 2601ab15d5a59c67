import parseRange from 'range-parser';
import { WeightfoldError } from '../errors.js';

export type Part =
  | { status: 200 }
  | { status: 206; start: number; end: number }
  | { status: 304 }
  | { status: 412 }
  | { status: 416 };

interface Conditions {
  range?: string;
  'if-range'?: string | string[];
  'if-match'?: string;
  'if-none-match'?: string;
}

/**
 * What to send of a representation with a strong ETag (RFC 9110, sections 13 and 14): If-Match first, then
 * If-None-Match, then Range where If-Range (if any) names this very ETag. Several ranges in one request are answered
 * with the whole.
 */
export function selectPart(headers: Conditions, size: number, etag: string): Part {
  if (!satisfies(headers['if-match'], etag)) return { status: 412 };
  if (matches(headers['if-none-match'], etag)) return { status: 304 };
  if (headers.range === undefined || (headers['if-range'] !== undefined && headers['if-range'] !== etag))
    return { status: 200 };
  const ranges = parseRange(size, headers.range);
  if (ranges === -1) return { status: 416 };
  if (ranges === -2 || ranges.length !== 1 || ranges.type !== 'bytes') return { status: 200 };
  return { status: 206, start: ranges[0].start, end: ranges[0].end };
}

/** Whether what is there (`etag`, strong; undefined: nothing) is as an If-Match header wants it, if there is one. */
export function satisfies(header: string | undefined, etag: string | undefined): boolean {
  if (header === undefined) return true;
  if (etag === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim() === etag);
}

/** Whether an If-None-Match header names `etag`, by weak comparison. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const plain = (tag: string) => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => plain(tag) === plain(etag));
}

/** @param what is there instead, as a sentence */
export const preconditionFailed = (what: string) =>
  new WeightfoldError(`${what} That is not what If-Match or If-None-Match of the request asks for.`, {
    code: 'precondition_failed',
    status: 412,
  });
