import type { Job, JobStatus } from '../schemas/job.js';
import type { JobIndex } from './job-index.js';

export interface ListQuery {
  status?: JobStatus;
  labels: Record<string, string>;
  createdAfter?: string;
  after?: string;
  limit: number;
  order: 'asc' | 'desc';
}

/** A page of the jobs that a query asks for, each as it is now. */
export async function listJobs(index: JobIndex, query: ListQuery): Promise<{ data: Job[]; hasMore: boolean }> {
  const all = await index.ids();
  let ids = query.order === 'desc' ? all.toReversed() : all;
  const { after } = query;
  if (after !== undefined) ids = ids.filter((id) => (query.order === 'desc' ? id < after : id > after));
  const data: Job[] = [];
  for (const id of ids) {
    const seen = index.get(id);
    if (!seen || !matches(seen, query)) continue;
    const job = await index.look(id);
    if (!job || !matches(job, query)) continue;
    if (data.length === query.limit) return { data, hasMore: true };
    data.push(job);
  }
  return { data, hasMore: false };
}

function matches(
  job: Pick<Job, 'status' | 'created_at' | 'labels'>,
  { status, labels, createdAfter }: ListQuery,
): boolean {
  if (status && job.status !== status) return false;
  if (createdAfter && !(Date.parse(job.created_at) > Date.parse(createdAfter))) return false;
  return Object.entries(labels).every(([key, value]) => job.labels[key] === value);
}
