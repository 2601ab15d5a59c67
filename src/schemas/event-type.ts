import { z } from 'zod';

export const EVENT_TYPES = [
  'job.queued',
  'job.running',
  'job.progress',
  'job.retrying',
  'job.succeeded',
  'job.failed',
  'job.cancelled',
] as const;
export const EventTypeSchema = z.enum(EVENT_TYPES);
export type EventType = z.infer<typeof EventTypeSchema>;
