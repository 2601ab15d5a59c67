import parseRange from 'range-parser';

export type Part = { status: 200 } | { status: 206; start: number; end: number } | { status: 416 } | { status: 304 };

/**
 * What to send of a representation with a strong ETag (RFC 9110, sections 13 and 14): If-None-Match first, then Range
 * where If-Range (if any) names this very ETag. Several ranges in one request are answered with the whole.
 */
export function selectPart(
  headers: { range?: string; 'if-range'?: string | string[]; 'if-none-match'?: string },
  size: number,
  etag: string,
): Part {
  if (matches(headers['if-none-match'], etag)) return { status: 304 };
  if (headers.range === undefined || (headers['if-range'] !== undefined && headers['if-range'] !== etag))
    return { status: 200 };
  const ranges = parseRange(size, headers.range);
  if (ranges === -1) return { status: 416 };
  if (ranges === -2 || ranges.length !== 1 || ranges.type !== 'bytes') return { status: 200 };
  return { status: 206, start: ranges[0].start, end: ranges[0].end };
}

/** Whether an If-None-Match header names `etag`, by weak comparison. */
export function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  const plain = (tag: string) => tag.trim().replace(/^W\//, '');
  return header.trim() === '*' || header.split(',').some((tag) => plain(tag) === plain(etag));
}
