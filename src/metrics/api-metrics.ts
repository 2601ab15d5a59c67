import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { JobService } from '../jobs/job-service.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { isTerminal, JOB_STATUSES } from '../schemas/job.js';
import { FAILURE_CODES, SERVICE_PROBLEMS } from './failure-codes.js';
import { measureDisk } from './measure-disk.js';
import { measureQueue } from './measure-queue.js';
import { createRegistry, REQUEST_SECONDS, WORK_SECONDS } from './registry.js';

export interface AnsweredRequest {
  method: string;
  /** The route's pattern, not the address: few values. */
  route: string;
  status: number;
  seconds: number;
  received: number;
  sent: number;
  code: string | null;
}

const seconds = (from: string, to: string) => (Date.parse(to) - Date.parse(from)) / 1000;

/** What the API process knows: its requests, the jobs of the store, its disk, the queue, the workers that live. */
export class ApiMetrics {
  readonly registry: Registry = createRegistry();
  private readonly requests: Histogram<'method' | 'route' | 'status'>;
  private readonly received: Counter<'route'>;
  private readonly sent: Counter<'route'>;
  private readonly problems: Counter<'code'>;

  constructor(jobs: JobService, queue: MergeQueue, dataFolder: string) {
    const registers = [this.registry];
    this.requests = new Histogram({
      name: 'weightfold_http_request_duration_seconds',
      help: 'Requests by route, until the last byte of the reply.',
      labelNames: ['method', 'route', 'status'],
      buckets: REQUEST_SECONDS,
      registers,
    });
    this.received = new Counter({
      name: 'weightfold_http_received_bytes_total',
      help: 'Bytes of request bodies of a stated length: uploads and JSON.',
      labelNames: ['route'],
      registers,
    });
    this.sent = new Counter({
      name: 'weightfold_http_sent_bytes_total',
      help: 'Bytes of reply bodies of a stated length: downloads and JSON.',
      labelNames: ['route'],
      registers,
    });
    this.problems = new Counter({
      name: 'weightfold_problems_total',
      help: 'Requests that were refused or failed, by the code of the problem.',
      labelNames: ['code'],
      registers,
    });
    for (const code of SERVICE_PROBLEMS) this.problems.inc({ code }, 0);
    this.followJobs(jobs);
    measureQueue(this.registry, queue);
    measureDisk(this.registry, dataFolder);
  }

  answered({ method, route, status, seconds: took, received, sent, code }: AnsweredRequest): void {
    this.requests.observe({ method, route, status }, took);
    if (received > 0) this.received.inc({ route }, received);
    if (sent > 0) this.sent.inc({ route }, sent);
    if (code !== null) this.problems.inc({ code });
  }

  private followJobs(jobs: JobService): void {
    const registers = [this.registry];
    const finished = new Counter({
      name: 'weightfold_jobs_finished_total',
      help: 'Jobs that ended while this process ran, by status and code of the error.',
      labelNames: ['status', 'code'],
      registers,
    });
    const waits = new Histogram({
      name: 'weightfold_job_wait_seconds',
      help: 'From the submission of a job to the start of its first step.',
      buckets: WORK_SECONDS,
      registers,
    });
    const durations = new Histogram({
      name: 'weightfold_job_duration_seconds',
      help: 'From the start of the first step of a job to its end.',
      labelNames: ['status'],
      buckets: WORK_SECONDS,
      registers,
    });
    finished.inc({ status: 'succeeded', code: '' }, 0);
    finished.inc({ status: 'cancelled', code: '' }, 0);
    for (const code of FAILURE_CODES) finished.inc({ status: 'failed', code }, 0);
    for (const status of JOB_STATUSES.filter(isTerminal)) durations.zero({ status });
    jobs.onMove((before, { status, attempt, created_at, started_at, finished_at, error }) => {
      if (before === 'queued' && status !== 'queued' && started_at !== null && attempt <= 1)
        waits.observe(seconds(created_at, started_at));
      if (finished_at === null) return;
      finished.inc({ status, code: error?.code ?? '' });
      if (started_at !== null) durations.observe({ status }, seconds(started_at, finished_at));
    });
    new Gauge({
      name: 'weightfold_jobs',
      help: 'Jobs in the store, by status.',
      labelNames: ['status'],
      registers,
      collect() {
        const counts = jobs.counts();
        for (const status of JOB_STATUSES) this.set({ status }, counts[status]);
      },
    });
  }
}
