import type { FastifyInstance } from 'fastify';
import fp from 'fastify-plugin';
import type { OpenSpan } from '../../tracing/tracing.js';
import type { Services } from '../services.js';

declare module 'fastify' {
  interface FastifyRequest {
    /** The request's span, where tracing is on. */
    span: OpenSpan | null;
  }
}

/** A span for each request but those for health and pages; below the caller's, where it sends `traceparent`. */
export const tracing = ({ tracing }: Pick<Services, 'tracing'>) =>
  fp(
    async (app: FastifyInstance) => {
      app.decorateRequest('span', null);
      if (!tracing) return;
      app.addHook('onRequest', (request, _reply, done) => {
        const { url, config } = request.routeOptions;
        if (config.scope !== 'public' && url !== undefined)
          request.span = tracing.start(`${request.method} ${url}`, {
            kind: 'server',
            parent: request.headers,
            attributes: {
              'http.request.method': request.method,
              'http.route': url,
              'url.path': request.url.split('?')[0],
              'weightfold.request.id': request.id,
            },
          });
        done();
      });
      app.addHook('onResponse', (request, reply, done) => {
        const { statusCode } = reply;
        const error = statusCode >= 500 ? (request.problemCode ?? `${statusCode}`) : null;
        request.span?.end({ 'http.response.status_code': statusCode }, error);
        done();
      });
    },
    { name: 'tracing', dependencies: ['problems'] },
  );
