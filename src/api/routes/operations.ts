import { access, constants } from 'node:fs/promises';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { WorkerListSchema } from '../../schemas/worker.js';
import { layout } from '../../store/layout.js';
import { VERSION } from '../../version.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

const CheckSchema = z.enum(['ok', 'failed']);
const ReadinessSchema = z
  .strictObject({
    status: z.enum(['ready', 'unavailable']),
    checks: z.strictObject({
      queue: CheckSchema,
      store: CheckSchema,
      workers: CheckSchema.describe(
        'failed: there are workers, and every one is wedged. Without any, jobs wait for one.',
      ),
    }),
    workers: z.number().int().nullable().describe('Workers that live; null where the queue cannot say.'),
    queue: z.strictObject({ waiting: z.number().int(), active: z.number().int() }).nullable(),
  })
  .meta({ id: 'Readiness' });

/** Probes ask every few seconds; that they were answered is no news. */
export const PROBE_LOG_LEVEL = 'warn';

const attempt = <T>(operation: Promise<T>): Promise<T | null> => operation.catch(() => null);

export const workerRoutes =
  ({ queue }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/workers', {
      config: { scope: 'read' },
      schema: {
        tags: ['operations'],
        summary: 'The workers that live',
        operationId: 'listWorkers',
        description: 'What each computes with and why, on which device, and which jobs it runs.',
        response: { 200: WorkerListSchema, ...problemResponses() },
      },
      handler: async () => ({ object: 'list' as const, data: await queue.workers() }),
    });
  };

export const operationRoutes =
  ({ queue, config }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/healthz', {
      logLevel: PROBE_LOG_LEVEL,
      config: { scope: 'public', rateLimit: false },
      schema: {
        tags: ['operations'],
        summary: 'Whether the process lives',
        operationId: 'health',
        response: { 200: z.strictObject({ status: z.literal('ok'), version: z.string() }).meta({ id: 'Health' }) },
      },
      handler: async () => ({ status: 'ok' as const, version: VERSION }),
    });

    app.get('/readyz', {
      logLevel: PROBE_LOG_LEVEL,
      config: { scope: 'public', rateLimit: false },
      schema: {
        tags: ['operations'],
        summary: 'Whether a job can be taken',
        operationId: 'readiness',
        response: { 200: ReadinessSchema, 503: ReadinessSchema },
      },
      handler: async (_request, reply) => {
        const [depth, workers, store] = await Promise.all([
          attempt(queue.depth()),
          attempt(queue.workers()),
          access(layout(config.DATA_DIR).jobs, constants.W_OK).then(
            () => true,
            () => false,
          ),
        ]);
        const moving = !workers?.length || workers.some(({ state }) => state !== 'wedged');
        const ready = depth !== null && store && moving;
        const check = (ok: boolean) => (ok ? ('ok' as const) : ('failed' as const));
        return reply.code(ready ? 200 : 503).send({
          status: ready ? ('ready' as const) : ('unavailable' as const),
          checks: { queue: check(depth !== null), store: check(store), workers: check(moving) },
          workers: workers?.length ?? null,
          queue: depth,
        });
      },
    });
  };
