import { z } from 'zod';
import { jobId, timestamp } from './common.js';
import { EventTypeSchema } from './event-type.js';
import { JobErrorSchema, JobStatusSchema, ProgressSchema } from './job.js';

export { EVENT_TYPES, type EventType, EventTypeSchema } from './event-type.js';

export const JobEventSchema = z
  .strictObject({
    id: z.number().int().min(1).describe('Counts the events of the job, without gaps.'),
    type: EventTypeSchema,
    created_at: timestamp,
    job_id: jobId,
    data: z
      .strictObject({
        status: JobStatusSchema,
        progress: ProgressSchema,
        attempt: z.number().int().min(0),
        worker: z.string().optional(),
        error: JobErrorSchema.optional().describe('Why the job failed, or is tried again.'),
        message: z.string().optional(),
      })
      .describe('The job as of this event.'),
  })
  .meta({ id: 'JobEvent' });
export type JobEvent = z.infer<typeof JobEventSchema>;

/** Whether nothing comes after an event: one ends each job, and is its last. */
export const isFinalEvent = ({ type }: Pick<JobEvent, 'type'>): boolean =>
  type === 'job.succeeded' || type === 'job.failed' || type === 'job.cancelled';

export const JobEventListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(JobEventSchema),
    first_id: z.number().int().nullable(),
    last_id: z.number().int().nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'JobEventList' });
