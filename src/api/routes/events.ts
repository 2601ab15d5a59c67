import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jobId } from '../../schemas/common.js';
import { JobEventListSchema } from '../../schemas/event.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

const IdParams = z.object({ id: jobId });
const eventId = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER);

export const eventRoutes =
  ({ jobs }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/jobs/:id/events', {
      config: { scope: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'What has happened to a job',
        operationId: 'listJobEvents',
        description:
          'From `job.queued` on, oldest first; kept as long as the job. The last one of a job that ended is ' +
          '`job.succeeded`, `job.failed` or `job.cancelled`. Progress makes an event per whole percent, at most four a second.',
        params: IdParams,
        querystring: z.strictObject({
          after: eventId.default(0).describe('Id of the last event known; those after it are returned.'),
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: JobEventListSchema, ...problemResponses(400, 404) },
      },
      handler: async (request) => {
        const { after, limit } = request.query;
        const { data, hasMore } = await jobs.events(request.params.id, after, limit);
        return {
          object: 'list' as const,
          data,
          first_id: data[0]?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
          has_more: hasMore,
        };
      },
    });
  };
