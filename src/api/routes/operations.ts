import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { WeightfoldError } from '../../errors.js';
import { WorkerListSchema } from '../../schemas/worker.js';
import { SharedWork } from '../../shared-work.js';
import { requireWritable } from '../../store/data-folder.js';
import { requireSpace } from '../../store/headroom.js';
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
    reasons: z.array(z.string()).describe('Why a check failed, for people.'),
    workers: z.number().int().nullable().describe('Workers that live; null where the queue cannot say.'),
    queue: z.strictObject({ waiting: z.number().int(), active: z.number().int() }).nullable(),
  })
  .meta({ id: 'Readiness' });

/** Probes ask every few seconds; that they were answered is no news. */
export const PROBE_LOG_LEVEL = 'warn';

/** Why something cannot be done, for people; null where it can. */
const problemOf = (operation: Promise<void>): Promise<string | null> =>
  operation.then(
    () => null,
    (error) => (error instanceof WeightfoldError ? error.message : 'The store or the queue fails.'),
  );

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
    // Anybody may ask, as often as they like: those who ask at once share one look at the disk.
    const writable = new SharedWork(async () => {
      await requireWritable(config.DATA_DIR);
      await requireSpace(config.DATA_DIR, 0, config.MIN_FREE_BYTES);
    });
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
        const [depth, workers, queueProblem, storeProblem] = await Promise.all([
          attempt(queue.depth()),
          attempt(queue.workers()),
          problemOf(queue.ping()),
          problemOf(writable.run()),
        ]);
        const moving = !workers?.length || workers.some(({ state }) => state !== 'wedged');
        const reasons = [queueProblem, storeProblem, moving ? null : 'Every worker is wedged.'];
        const told = reasons.filter((reason) => reason !== null);
        const ready = depth !== null && told.length === 0;
        const check = (ok: boolean) => (ok ? ('ok' as const) : ('failed' as const));
        return reply.code(ready ? 200 : 503).send({
          status: ready ? ('ready' as const) : ('unavailable' as const),
          checks: {
            queue: check(depth !== null && queueProblem === null),
            store: check(storeProblem === null),
            workers: check(moving),
          },
          reasons: told,
          workers: workers?.length ?? null,
          queue: depth,
        });
      },
    });
  };
