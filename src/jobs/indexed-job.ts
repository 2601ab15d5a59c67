import { z } from 'zod';
import { JOB_STATUSES } from '../schemas/job.js';

/** What lists filter by, per job: a few hundred bytes, so that a hundred thousand jobs fit in memory. */
export const IndexedJobSchema = z.object({
  id: z.string(),
  status: z.enum(JOB_STATUSES),
  labels: z.record(z.string(), z.string()),
  created_at: z.string(),
  finished_at: z.string().nullable(),
  cancel_requested: z.boolean(),
  /** Uploaded checkpoints it reads; empty once it has ended. */
  checkpoints: z.array(z.string()),
});

export type IndexedJob = z.output<typeof IndexedJobSchema>;
