import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { WeightfoldError } from '../../errors.js';
import { hasBody } from '../has-body.js';

/** A JSON body must be complete this long after its headers; uploads only have to keep moving (`connectionTimeout`). */
const JSON_BODY_MS = 12_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is streamed and may take as long as it moves. */
    streamed?: boolean;
  }
}

const tooSlow = () =>
  new WeightfoldError(`The body was not complete ${JSON_BODY_MS / 1000} s after the headers. Send the request again.`, {
    code: 'request_timeout',
    status: 408,
    retryable: true,
  });

/** Refuse small bodies that dribble in (slowloris); Node's own request timeout must allow day-long uploads. */
export const patient = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, reply, next) => {
      const { method, headers, routeOptions, raw } = request;
      if (routeOptions.config.streamed || method === 'GET' || method === 'HEAD' || !hasBody(headers)) return next();
      const timer = setTimeout(() => {
        // Nobody reads the body of a request that has been answered.
        if (reply.sent || raw.listenerCount('error') === 0) return raw.destroy();
        reply.header('connection', 'close');
        raw.emit('error', tooSlow());
      }, JSON_BODY_MS);
      const done = () => clearTimeout(timer);
      raw.once('end', done).once('close', done);
      next();
    });
  },
  { name: 'patient' },
);
