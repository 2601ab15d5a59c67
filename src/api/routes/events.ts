import negotiator from '@fastify/accept-negotiator';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jobId } from '../../schemas/common.js';
import { JobEventListSchema } from '../../schemas/event.js';
import { isTerminal } from '../../schemas/job.js';
import { eventStream } from '../event-stream.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

const JSON_TYPE = 'application/json';
const STREAM_TYPE = 'text/event-stream';

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
          '`job.succeeded`, `job.failed` or `job.cancelled`. Progress makes an event per whole percent, at most four a second.\n\n' +
          'With `Accept: text/event-stream` a stream of server-sent events, each with `id`, `event` (its type) and the event as `data`, ' +
          'which closes after the last one. `Last-Event-ID` resumes it: nothing is lost or repeated. 204 where nothing can come any more.',
        params: IdParams,
        querystring: z.strictObject({
          after: eventId.default(0).describe('Id of the last event known; those after it are returned.'),
          limit: z.coerce.number().int().min(1).max(1000).default(100).describe('Of a list; streams have none.'),
        }),
        headers: z.object({
          'last-event-id': eventId.optional().describe('Of a stream: as `after`, and before it.'),
        }),
        response: {
          200: {
            description: 'Events.',
            content: { [JSON_TYPE]: { schema: JobEventListSchema }, [STREAM_TYPE]: { schema: z.string() } },
          },
          204: z.undefined().describe('A stream of a job that ended with the event the client has: do not come again.'),
          ...problemResponses(400, 404, 410),
        },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        const { after, limit } = request.query;
        const wanted = negotiator.negotiate(request.headers.accept ?? '*/*', [JSON_TYPE, STREAM_TYPE]);
        reply.header('vary', 'accept').header('cache-control', 'no-cache');
        if (wanted === STREAM_TYPE && request.method === 'GET') {
          const last = request.headers['last-event-id'] ?? after;
          const { status } = await jobs.get(id);
          if (isTerminal(status) && (await jobs.events(id, last, 1)).data.length === 0) return reply.code(204).send();
          // nginx buffers answers unless told not to.
          return reply
            .type(STREAM_TYPE)
            .header('x-accel-buffering', 'no')
            .send(eventStream(jobs.feeds, id, last));
        }
        const { data, hasMore } = await jobs.events(id, after, limit);
        return reply.type(JSON_TYPE).send({
          object: 'list',
          data,
          first_id: data[0]?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
          has_more: hasMore,
        });
      },
    });
  };
