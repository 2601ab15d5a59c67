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

/** Jobs read at a time where they are not in the index yet. */
const READERS = 16;

/** A page of the jobs that a query asks for, each as it is now. */
export async function listJobs(index: JobIndex, query: ListQuery): Promise<{ data: Job[]; hasMore: boolean }> {
  const { ids: all, complete } = await index.listed();
  let ids = query.order === 'desc' ? all.toReversed() : all;
  const { after } = query;
  if (after !== undefined) ids = ids.filter((id) => (query.order === 'desc' ? id < after : id > after));
  const data: Job[] = [];
  // One by one where the index says which jobs to read.
  const step = complete ? 1 : READERS;
  for (let at = 0; at < ids.length; at += step) {
    const found = await Promise.all(ids.slice(at, at + step).map((id) => find(index, id, query, complete)));
    for (const job of found) {
      if (!job) continue;
      if (data.length === query.limit) return { data, hasMore: true };
      data.push(job);
    }
  }
  return { data, hasMore: false };
}

/** A job as it is now; undefined where the query does not ask for it. */
async function find(index: JobIndex, id: string, query: ListQuery, complete: boolean): Promise<Job | undefined> {
  const seen = index.get(id);
  if (seen ? !matches(seen, query) : complete) return undefined;
  if (!seen && query.status && !(await index.canBe(id, query.status))) return undefined;
  const job = await index.look(id);
  return job && matches(job, query) ? job : undefined;
}

function matches(
  job: Pick<Job, 'status' | 'created_at' | 'labels'>,
  { status, labels, createdAfter }: ListQuery,
): boolean {
  if (status && job.status !== status) return false;
  if (createdAfter && !(Date.parse(job.created_at) > Date.parse(createdAfter))) return false;
  return Object.entries(labels).every(([key, value]) => job.labels[key] === value);
}
