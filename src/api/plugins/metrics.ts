import type { FastifyInstance, FastifyReply } from 'fastify';
import fp from 'fastify-plugin';
import { z } from 'zod';
import { ApiMetrics } from '../../metrics/api-metrics.js';
import { problemResponses } from '../problem-responses.js';
import { PROBE_LOG_LEVEL } from '../routes/operations.js';
import type { Services } from '../services.js';

const NO_ROUTE = 'none';

/** `/metrics` for Prometheus, and the figures of each request for it. */
export const metrics = ({ config, jobs, queue }: Services) =>
  fp(
    async (app: FastifyInstance) => {
      // Where only the contract is wanted there are no jobs to follow.
      const figures = jobs && new ApiMetrics(jobs, queue, config.DATA_DIR);
      app.addHook('onResponse', (request, reply, done) => {
        figures.answered({
          method: request.method,
          route: request.routeOptions.url ?? NO_ROUTE,
          status: reply.statusCode,
          seconds: reply.elapsedTime / 1000,
          received: Number(request.headers['content-length'] ?? 0),
          sent: sentBytes(reply),
          code: request.problemCode,
        });
        done();
      });
      app.get('/metrics', {
        logLevel: PROBE_LOG_LEVEL,
        config: { scope: config.METRICS_OPEN ? 'public' : 'read', rateLimit: false },
        schema: {
          tags: ['operations'],
          summary: 'Metrics for Prometheus',
          operationId: 'prometheusMetrics',
          response: {
            200: { description: 'Text exposition format.', content: { 'text/plain': { schema: z.string() } } },
            ...problemResponses(),
          },
        },
        handler: async (_request, reply) => {
          const text = await figures.registry.metrics();
          return reply
            .header('content-type', figures.registry.contentType)
            .serializer((payload: unknown) => payload as string)
            .send(text);
        },
      });
    },
    { name: 'metrics', dependencies: ['access', 'problems'] },
  );

const sentBytes = (reply: FastifyReply): number =>
  reply.request.method === 'HEAD' ? 0 : Number(reply.getHeader('content-length') ?? 0);
