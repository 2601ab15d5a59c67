import { z } from 'zod';
import { jobId, timestamp } from './common.js';
import { JOB_EXAMPLE } from './examples.js';
import { JobSpecSchema } from './job-spec.js';
import { FieldErrorSchema } from './problem.js';

export const JOB_STATUSES = ['queued', 'running', 'succeeded', 'failed', 'cancelled'] as const;
export const JobStatusSchema = z
  .enum(JOB_STATUSES)
  .meta({ id: 'JobStatus', description: 'succeeded, failed and cancelled never change.' });
export type JobStatus = z.infer<typeof JobStatusSchema>;

export const PHASES = ['planning', 'basis', 'fold', 'evaluate', 'publish'] as const;

export const ProgressSchema = z
  .strictObject({
    phase: z.enum(PHASES),
    completed: z.number().int().min(0).describe('Steps done.'),
    total: z.number().int().min(0),
    fraction: z.number().min(0).max(1),
  })
  .meta({ id: 'Progress' });
export type Progress = z.infer<typeof ProgressSchema>;

export const JobErrorSchema = z
  .strictObject({
    code: z.string().describe('Stable identifier.'),
    message: z.string(),
    errors: z.array(FieldErrorSchema),
  })
  .meta({ id: 'JobError', description: 'Why a job failed.' });
export type JobError = z.infer<typeof JobErrorSchema>;

export const JobSchema = z
  .strictObject({
    id: jobId,
    object: z.literal('job'),
    status: JobStatusSchema,
    name: z.string().nullable(),
    labels: z.record(z.string(), z.string()),
    created_at: timestamp,
    started_at: timestamp
      .nullable()
      .describe('Start of its first step; what finished then is kept, however often a step is repeated.'),
    finished_at: timestamp.nullable(),
    attempt: z.number().int().min(0).describe('Attempts at the step that needed most, so far.'),
    max_attempts: z.number().int(),
    worker: z.string().nullable().describe('Worker that reported last; several may share a merge.'),
    progress: ProgressSchema,
    cancel_requested: z.boolean(),
    waiting_for: z
      .string()
      .nullable()
      .describe('What a queued job waits for that is not there: a worker with the backend it asks for. Else null.'),
    error: JobErrorSchema.nullable(),
    retry_of: jobId.nullable(),
    spec: JobSpecSchema,
  })
  .meta({ id: 'Job', description: 'A merge that was submitted.', examples: [JOB_EXAMPLE] });
export type Job = z.infer<typeof JobSchema>;

export const isTerminal = (status: JobStatus) =>
  status === 'succeeded' || status === 'failed' || status === 'cancelled';

export const JobListSchema = z
  .strictObject({
    object: z.literal('list'),
    data: z.array(JobSchema),
    first_id: jobId.nullable(),
    last_id: jobId.nullable(),
    has_more: z.boolean(),
  })
  .meta({ id: 'JobList' });

export const ArtifactSchema = z
  .strictObject({
    file: z.string(),
    size: z.number().int().min(0),
    sha256: z.string().regex(/^[0-9a-f]{64}$/),
    content_type: z.string(),
    url: z.string(),
  })
  .meta({ id: 'Artifact' });
export type Artifact = z.infer<typeof ArtifactSchema>;

export const ArtifactListSchema = z
  .strictObject({ object: z.literal('list'), data: z.array(ArtifactSchema) })
  .meta({ id: 'ArtifactList' });
