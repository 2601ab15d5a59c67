import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { JobService } from '../jobs/job-service.js';
import type { MergeQueue } from '../queue/merge-queue.js';
import { JOB_STATUSES } from '../schemas/job.js';
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

/** What the API process knows: its requests, the jobs of the store, the queue, the workers that live. */
export class ApiMetrics {
  readonly registry: Registry = createRegistry();
  private readonly requests: Histogram<'method' | 'route' | 'status'>;
  private readonly received: Counter<'route'>;
  private readonly sent: Counter<'route'>;
  private readonly problems: Counter<'code'>;

  constructor(jobs: JobService, queue: MergeQueue) {
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
    this.followJobs(jobs);
    this.askQueue(queue);
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

  private askQueue(queue: MergeQueue): void {
    const registers = [this.registry];
    const up = new Gauge({ name: 'weightfold_queue_up', help: 'Whether Redis answers.', registers });
    new Gauge({
      name: 'weightfold_queue_steps',
      help: 'Steps in the queues that workers serve.',
      labelNames: ['queue', 'state'],
      registers,
      async collect() {
        this.reset();
        const depths = await queue.depths().catch(() => undefined);
        up.set(depths ? 1 : 0);
        for (const { queue: name, waiting, active } of depths ?? []) {
          this.set({ queue: name, state: 'waiting' }, waiting);
          this.set({ queue: name, state: 'active' }, active);
        }
      },
    });
    const running = new Gauge({
      name: 'weightfold_worker_running_jobs',
      help: 'Jobs whose steps a worker runs now.',
      labelNames: ['worker'],
      registers,
    });
    const device = new Gauge({
      name: 'weightfold_worker_device_memory_bytes',
      help: 'Memory of the GPU of a worker that has one.',
      labelNames: ['worker', 'device'],
      registers,
    });
    new Gauge({
      name: 'weightfold_workers',
      help: 'Workers that live, by the backend they compute with.',
      labelNames: ['backend'],
      registers,
      async collect() {
        for (const gauge of [this, running, device]) gauge.reset();
        for (const { name, compute, jobs } of await queue.workers().catch(() => [])) {
          this.inc({ backend: compute.backend });
          running.set({ worker: name }, jobs.length);
          if (compute.device_memory_bytes !== null)
            device.set({ worker: name, device: compute.device ?? '' }, compute.device_memory_bytes);
        }
      },
    });
  }
}
