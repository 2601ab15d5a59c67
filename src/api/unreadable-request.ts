import { randomUUID } from 'node:crypto';
import { maxHeaderSize, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { PROBLEM_TYPE, problemOf } from './plugins/problems.js';

type Refusal = [status: number, code: string, detail: string];

const REFUSALS: Record<string, Refusal> = {
  HPE_HEADER_OVERFLOW: [
    431,
    'headers_too_large',
    `The request line and headers are larger than ${maxHeaderSize} bytes together.`,
  ],
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'request_timeout', 'The request did not arrive in time. Send it again.'],
};
const MALFORMED: Refusal = [400, 'request_malformed', 'What arrived cannot be read as an HTTP/1.1 request.'];

const TUNNEL: Refusal = [400, 'request_malformed', 'CONNECT asks a proxy for a tunnel, and this is no proxy.'];

/** Answer what Node gives up on before there is a request: no route, hook or error handler ever sees it. */
export function refuseUnreadable(this: FastifyInstance, error: Error & { code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || socket.destroyed) return;
  refuse(this, REFUSALS[error.code ?? ''] ?? MALFORMED, socket, error.code);
}

/** Take from Node the requests that it would answer by itself, with an empty body or not at all. */
export function takeFromNode(app: FastifyInstance): void {
  // Expectations that are not known may be ignored (RFC 9110, section 10.1.1).
  app.server.on('checkExpectation', app.routing);
  app.server.on('connect', (_request, socket) => refuse(app, TUNNEL, socket as Socket));
}

function refuse(app: FastifyInstance, [status, code, detail]: Refusal, socket: Socket, reason?: string): void {
  const id = randomUUID();
  // Not the error itself: it holds the bytes that arrived, and a key may be among them.
  app.log.info({ request_id: id, code, reason, address: socket.remoteAddress }, 'unreadable request');
  const body = JSON.stringify(problemOf(status, code, detail, id));
  if (socket.writable)
    socket.write(
      [
        `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
        'connection: close',
        `content-type: ${PROBLEM_TYPE}`,
        `content-length: ${Buffer.byteLength(body)}`,
        `x-request-id: ${id}`,
        '',
        body,
      ].join('\r\n'),
    );
  socket.destroySoon();
}
