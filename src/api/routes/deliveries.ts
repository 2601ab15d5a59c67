import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { jobId } from '../../schemas/common.js';
import { DeliveryListSchema, DeliverySchema, deliveryId } from '../../schemas/webhook.js';
import { problemResponses } from '../problem-responses.js';
import type { Services } from '../services.js';

export const deliveryRoutes =
  ({ webhooks }: Services): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/jobs/:id/deliveries', {
      config: { scope: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'Calls of a job’s webhook',
        operationId: 'listDeliveries',
        description: 'One per event that the webhook asked for, in their order, each with its attempts.',
        params: z.object({ id: jobId }),
        querystring: z.strictObject({
          after: deliveryId.optional().describe('Last id of the page before.'),
          limit: z.coerce.number().int().min(1).max(1000).default(100),
        }),
        response: { 200: DeliveryListSchema, ...problemResponses(400, 404, 410) },
      },
      handler: async (request) => {
        const { after, limit } = request.query;
        const all = await webhooks.list(request.params.id);
        const last = Number(after?.split('_')[2] ?? 0);
        const rest = all.filter(({ event_id }) => event_id > last);
        const data = rest.slice(0, limit);
        return {
          object: 'list' as const,
          data,
          first_id: data[0]?.id ?? null,
          last_id: data.at(-1)?.id ?? null,
          has_more: rest.length > limit,
        };
      },
    });

    app.post('/jobs/:id/deliveries/:delivery/replay', {
      config: { scope: 'submit' },
      schema: {
        tags: ['jobs'],
        summary: 'Call a job’s webhook once more',
        operationId: 'replayDelivery',
        description:
          'At once and with the same `webhook-id`, whatever came of it before; if that fails, by the schedule anew.',
        params: z.object({ id: jobId, delivery: deliveryId }),
        response: { 202: DeliverySchema, ...problemResponses(400, 404, 409, 410) },
      },
      handler: async (request, reply) =>
        reply.code(202).send(await webhooks.replay(request.params.id, request.params.delivery)),
    });
  };
