import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import { hasBody } from '../has-body.js';

/** A JSON body must be complete this long after its headers; uploads only have to keep moving (`connectionTimeout`). */
const JSON_BODY_MS = 12_000;

declare module 'fastify' {
  interface FastifyContextConfig {
    /** The body is streamed and may take as long as it moves. */
    streamed?: boolean;
  }
}

/** Cut clients that dribble a small body (slowloris); Node's own request timeout must allow day-long uploads. */
export const patient = fp(
  async (app: FastifyInstance) => {
    app.addHook('onRequest', (request, _reply, next) => {
      const { method, headers, routeOptions } = request;
      if (routeOptions.config.streamed || method === 'GET' || method === 'HEAD' || !hasBody(headers)) return next();
      const timer = setTimeout(() => request.raw.destroy(), JSON_BODY_MS);
      const done = () => clearTimeout(timer);
      request.raw.once('end', done).once('close', done);
      next();
    });
  },
  { name: 'patient' },
);
