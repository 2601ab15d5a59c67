import http from 'node:http';
import type { Job, Worker } from 'bullmq';
import { Counter, Gauge, Histogram } from 'prom-client';
import { bearerKey } from '../src/access/bearer.js';
import { KeyStore } from '../src/access/key-store.js';
import { requireKeys } from '../src/access/require-keys.js';
import type { Config } from '../src/config.js';
import { FAILURE_CODES } from '../src/metrics/failure-codes.js';
import { createRegistry, WORK_SECONDS } from '../src/metrics/registry.js';
import { PHASE_ORDER } from '../src/plan/steps.js';
import type { QueuedStep } from '../src/queue/step-jobs.js';
import type { WorkerBackend } from '../src/schemas/worker.js';
import { computeMemory } from './compute-memory.js';
import type { JobKeeper } from './job-keeper.js';
import type { StepReport } from './step-report.js';

/** A scraper sends its few headers at once. */
const HEADERS_MS = 10_000;

/** `/metrics` of a worker on a port of its own: its steps and its processes. Loaded only where METRICS_PORT is set. */
export class WorkerMetrics {
  private readonly registry = createRegistry();
  private readonly durations: Histogram<'phase' | 'outcome'>;
  private readonly waits: Histogram<'queue'>;
  private readonly failures: Counter<'code'>;
  private readonly read: Counter<'phase'>;
  private readonly written: Counter<'phase'>;
  private readonly peak: Gauge;

  /** @param running how many steps are at hand */
  constructor({ backend, library, device, device_memory_bytes }: WorkerBackend, running: () => number) {
    const registers = [this.registry];
    this.durations = new Histogram({
      name: 'weightfold_step_duration_seconds',
      help: 'Attempts at steps by phase and outcome.',
      labelNames: ['phase', 'outcome'],
      buckets: WORK_SECONDS,
      registers,
    });
    this.waits = new Histogram({
      name: 'weightfold_step_wait_seconds',
      help: 'From a step being ready to a worker taking it up for the first time.',
      labelNames: ['queue'],
      buckets: WORK_SECONDS,
      registers,
    });
    this.failures = new Counter({
      name: 'weightfold_step_failures_total',
      help: 'Attempts at steps that failed, by the code of the error.',
      labelNames: ['code'],
      registers,
    });
    const bytes = (name: string, what: string) =>
      new Counter({
        name: `weightfold_step_${name}_bytes_total`,
        help: `Bytes that steps have ${what}, the page cache included (Linux).`,
        labelNames: ['phase'],
        registers,
      });
    this.read = bytes('read', 'read');
    this.written = bytes('written', 'written');
    for (const code of FAILURE_CODES) this.failures.inc({ code }, 0);
    for (const phase of PHASE_ORDER) {
      for (const outcome of ['succeeded', 'failed']) this.durations.zero({ phase, outcome });
      for (const counter of [this.read, this.written]) counter.inc({ phase }, 0);
    }
    this.peak = new Gauge({
      name: 'weightfold_compute_peak_memory_bytes',
      help: 'Most memory of the compute process that finished a step last.',
      registers,
    });
    new Gauge({
      name: 'weightfold_compute_resident_memory_bytes',
      help: 'Memory of the compute processes now (Linux).',
      registers,
      async collect() {
        const bytes = await computeMemory();
        if (bytes !== undefined) this.set(bytes);
      },
    });
    new Gauge({
      name: 'weightfold_worker_running_steps',
      help: 'Steps that run here now.',
      registers,
      collect() {
        this.set(running());
      },
    });
    new Gauge({
      name: 'weightfold_worker_info',
      help: 'What the worker computes with; always 1.',
      labelNames: ['backend', 'library', 'device'],
      registers,
    }).set({ backend, library, device: device ?? '' }, 1);
    if (device_memory_bytes !== null)
      new Gauge({ name: 'weightfold_device_memory_bytes', help: 'Memory of the GPU.', registers }).set(
        device_memory_bytes,
      );
  }

  watch(worker: Worker<QueuedStep>, keeper: JobKeeper): void {
    this.waits.zero({ queue: worker.name });
    worker.on('active', ({ timestamp, attemptsStarted, processedOn = Date.now() }) => {
      if (attemptsStarted <= 1) this.waits.observe({ queue: worker.name }, (processedOn - timestamp) / 1000);
    });
    worker.on('completed', (job, report?: StepReport) => this.ended(job, 'succeeded', report));
    worker.on('failed', (job, error) => {
      if (!job) return;
      this.ended(job, 'failed');
      void keeper.codeOf(job.data.id, error).then((code) => this.failures.inc({ code }));
    });
  }

  private ended({ name: phase, processedOn }: Job<QueuedStep>, outcome: string, report?: StepReport | null): void {
    if (processedOn !== undefined) this.durations.observe({ phase, outcome }, (Date.now() - processedOn) / 1000);
    if (!report) return;
    if (report.read_bytes !== null) this.read.inc({ phase }, report.read_bytes);
    if (report.written_bytes !== null) this.written.inc({ phase }, report.written_bytes);
    this.peak.set(report.peak_memory_bytes);
  }

  /**
   * Answer scrapes until closed. Who may is as for the API's own `/metrics`.
   * @throws WeightfoldError `keys_missing`
   */
  async serve(config: Config, port: number): Promise<() => void> {
    const keys = new KeyStore(config.DATA_DIR, config.API_KEYS);
    if (!config.METRICS_OPEN) await requireKeys('METRICS_HOST', config.METRICS_HOST, config, keys);
    const allowed = async ({ authorization }: http.IncomingHttpHeaders) => {
      if (config.METRICS_OPEN || !(await keys.exist())) return true;
      const presented = bearerKey(authorization);
      return presented !== undefined && (await keys.find(presented)) !== undefined;
    };
    const answer = async (request: http.IncomingMessage): Promise<[number, http.OutgoingHttpHeaders, string]> => {
      if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') return [404, {}, 'GET /metrics\n'];
      if (!(await allowed(request.headers)))
        return [401, { 'www-authenticate': 'Bearer realm="weightfold"' }, 'An API key is needed.\n'];
      return [200, { 'content-type': this.registry.contentType }, await this.registry.metrics()];
    };
    const server = http.createServer({ headersTimeout: HEADERS_MS }, (request, reply) => {
      answer(request).then(
        ([status, headers, text]) => reply.writeHead(status, headers).end(text),
        () => reply.writeHead(503).end(),
      );
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject).listen(port, config.METRICS_HOST, resolve);
    });
    return () => {
      server.close();
      server.closeAllConnections();
    };
  }
}
