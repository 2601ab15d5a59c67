import { z } from 'zod';
import { jobId, timestamp } from './common.js';
import { EventTypeSchema } from './event-type.js';
import { PRINTABLE, PRINTABLE_RULE } from './printable.js';

export const WebhookSchema = z
  .strictObject({
    url: z
      .url({ protocol: /^https?$/, error: 'must be an https:// URL' })
      .max(2048)
      .regex(PRINTABLE, PRINTABLE_RULE)
      .describe('Called with a POST per event. Public addresses only, unless the service allows others.'),
    events: z
      .array(EventTypeSchema)
      .min(1)
      .max(EventTypeSchema.options.length)
      .default(['job.succeeded', 'job.failed', 'job.cancelled'])
      .describe('Which events it is called for. Default: the end of the job.'),
  })
  .meta({ id: 'Webhook', description: 'Who is told about the job, by Standard Webhooks.' });

/** Without full stops: they part the id from the rest of what is signed. */
export const deliveryId = z
  .string()
  .regex(
    /^msg_[0-9A-HJKMNP-TV-Z]{26}_[1-9][0-9]{0,14}$/,
    'must look like msg_, 26 characters, and the number of an event',
  )
  .describe('The `webhook-id` of every attempt: receivers know repetitions by it.');

export const DeliverySchema = z
  .strictObject({
    id: deliveryId,
    object: z.literal('delivery'),
    job_id: jobId,
    event_id: z.number().int().min(1),
    type: EventTypeSchema,
    status: z.enum(['pending', 'delivered', 'failed']),
    created_at: timestamp,
    next_attempt_at: timestamp.nullable(),
    replays: z.number().int().min(0).describe('Times it was asked for again.'),
    attempts: z.array(
      z.strictObject({
        at: timestamp,
        duration_ms: z.number().int().min(0),
        response_status: z.number().int().nullable(),
        error: z.string().nullable().describe('Why there was no answer, or why it did not count.'),
      }),
    ),
  })
  .meta({ id: 'Delivery', description: 'An event on its way to the job’s webhook.' });
export type Delivery = z.infer<typeof DeliverySchema>;

export const DeliveryListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(DeliverySchema),
    first_id: deliveryId.nullable(),
    last_id: deliveryId.nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'DeliveryList' });
