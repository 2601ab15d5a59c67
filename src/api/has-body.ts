import type { IncomingHttpHeaders } from 'node:http';

/** Whether a body follows: a request without either header ends with its headers (RFC 9112, section 6.3). */
export const hasBody = (headers: IncomingHttpHeaders) =>
  headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
