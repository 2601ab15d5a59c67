import type { JobError, JobStatus, Progress } from '../schemas/job.js';
import type { JobSpec } from '../schemas/job-spec.js';
import type { Plan } from '../schemas/plan.js';
import type { TraceContext } from '../tracing/tracing.js';

/** A file a job reads, as it was at submission. */
export interface InputFile {
  source: number;
  file: string;
  size: number;
  /** Known for uploads; files elsewhere are hashed when the job runs. */
  sha256: string | null;
  /** Of remote files: what changes with the content (an ETag), and the commit a revision was resolved to. */
  validator?: string | null;
  revision?: string | null;
}

/** Written once, at submission. The plan has a file of its own: it can be a thousand times as long. */
export interface JobHead {
  id: string;
  created_at: string;
  spec: JobSpec;
  /** Those of the plan. */
  steps: Plan['steps'];
  inputs: InputFile[];
  retry_of: string | null;
  /** The claim of the Idempotency-Key it was submitted with. */
  claim?: string;
  /** The request that submitted it, where requests are traced. */
  trace?: TraceContext;
}

/** What a worker needs of a job. */
export interface JobRecord extends JobHead {
  plan: Plan;
}

/** Where the latest attempt stands; replaced as it goes on. */
export interface JobState {
  status: 'queued' | 'running';
  attempt: number;
  started_at: string | null;
  worker: string | null;
  progress: Progress;
}

/** How a job ended; written exactly once. */
export interface JobOutcome {
  status: Extract<JobStatus, 'succeeded' | 'failed' | 'cancelled'>;
  finished_at: string;
  error: JobError | null;
}

export const initialState = (steps: number): JobState => ({
  status: 'queued',
  attempt: 0,
  started_at: null,
  worker: null,
  progress: { phase: 'planning', completed: 0, total: steps, fraction: 0 },
});
