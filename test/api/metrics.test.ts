import { readFile } from 'node:fs/promises';
import { Registry } from 'prom-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../../faults/processes.js';
import { measureDisk } from '../../src/metrics/measure-disk.js';
import { measureQueue } from '../../src/metrics/measure-queue.js';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import { runJob, startService, type TestService, upload } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

const root = temporaryFolder();
const layers = [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }];
const spec = (...checkpoints: string[]) => ({
  sources: checkpoints.map((checkpoint) => ({ checkpoint })),
  model: { family: 'chain' as const, layers },
});
let service: TestService;
let workerMetrics: string;

/** Samples by name and labels, as Prometheus reads them; the label that every one carries left out. */
function parse(text: string): Map<string, number> {
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const [, name, labels = '', value] = /^(\w+)(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
      const shown = labels.split(',').filter((label) => !label.startsWith('version='));
      return [`${name}{${shown.join(',')}}`, Number(value)];
    }),
  );
}
const sum = (samples: Map<string, number>, pattern: RegExp) =>
  [...samples].reduce((total, [name, value]) => (pattern.test(name) ? total + value : total), 0);

const ofApi = async () => parse((await service.http.get('/metrics').expect(200)).text);
const ofWorker = async () => parse(await (await fetch(workerMetrics)).text());

beforeAll(async () => {
  const port = await freePort();
  workerMetrics = `http://127.0.0.1:${port}/metrics`;
  service = await startService(subfolder(root), { env: { METRICS_PORT: `${port}` } });
  const good = randomChain([5, 4, 3], 1);
  const values = Float64Array.from(good[1].values).fill(Number.NaN, 3, 4);
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), good));
  await upload(service.http, 'b', await makeCheckpoint(subfolder(root), randomChain([5, 4, 3], 2)));
  await upload(service.http, 'nan', await makeCheckpoint(subfolder(root), [good[0], { ...good[1], values }]));
  expect((await runJob(service.http, spec('a', 'b'))).status).toBe('succeeded');
  expect((await runJob(service.http, spec('a', 'nan'))).status).toBe('failed');
  await service.http.post('/v1/jobs').send(spec('a', 'none')).expect(422);
  // Both ends are told of after the store has them.
  await eventually(async () => {
    const [api, worker] = [await ofApi(), await ofWorker()];
    return sum(api, /^weightfold_jobs_finished_total/) === 2 && sum(worker, /^weightfold_step_failures_total/) > 0;
  });
});
afterAll(() => service?.close());

describe('/metrics of the API', () => {
  it('counts requests by route, and refusals by code', async () => {
    const samples = await ofApi();
    const requests = 'weightfold_http_request_duration_seconds_count';
    expect(samples.get(`${requests}{method="POST",route="/v1/jobs",status="202"}`)).toBe(2);
    expect(samples.get(`${requests}{method="POST",route="/v1/jobs",status="422"}`)).toBe(1);
    expect(samples.get('weightfold_problems_total{code="checkpoint_not_found"}')).toBe(1);
    expect(sum(samples, /^weightfold_http_received_bytes_total\{route="\/v1\/checkpoints/)).toBeGreaterThan(300);
    expect(sum(samples, /^weightfold_http_sent_bytes_total\{route="\/v1\/jobs\/:id"/)).toBeGreaterThan(300);
  });

  it('tells how jobs ended and how long they waited and ran', async () => {
    const samples = await ofApi();
    expect(samples.get('weightfold_jobs_finished_total{status="succeeded",code=""}')).toBe(1);
    expect(samples.get('weightfold_jobs_finished_total{status="failed",code="weights_not_finite"}')).toBe(1);
    expect(samples.get('weightfold_jobs{status="succeeded"}')).toBe(1);
    expect(samples.get('weightfold_jobs{status="running"}')).toBe(0);
    expect(samples.get('weightfold_job_wait_seconds_count{}')).toBe(2);
    expect(sum(samples, /^weightfold_job_duration_seconds_count/)).toBe(2);
    expect(sum(samples, /^weightfold_job_duration_seconds_sum/)).toBeGreaterThan(0);
  });

  it('shows the queues, the workers and the process', async () => {
    const samples = await ofApi();
    expect(samples.get('weightfold_queue_up{}')).toBe(1);
    expect(samples.get('weightfold_queue_steps{queue="steps",state="waiting"}')).toBe(0);
    expect(samples.get('weightfold_queue_steps{queue="steps-cuda",state="active"}')).toBe(0);
    expect(samples.get('weightfold_workers{backend="cpu"}')).toBe(1);
    expect(samples.get('weightfold_workers{backend="cuda"}')).toBe(0);
    expect(samples.get('weightfold_workers_wedged{}')).toBe(0);
    expect(samples.get('weightfold_data_free_bytes{}')).toBeGreaterThan(0);
    expect(samples.get('process_resident_memory_bytes{}')).toBeGreaterThan(1e7);
  });
});

describe('a first scrape', () => {
  it('shows queues, workers and disk as they are, not as a scrape before saw them', async () => {
    const registry = new Registry();
    measureQueue(registry, service.services.queue);
    measureDisk(registry, service.dataDir);
    const samples = parse(await registry.metrics());
    expect(samples.get('weightfold_queue_up{}')).toBe(1);
    expect(sum(samples, /^weightfold_workers\{/)).toBe(1);
    expect([...samples.keys()].filter((name) => name.startsWith('weightfold_worker_running_jobs{'))).toHaveLength(1);
    const free = samples.get('weightfold_data_free_bytes{}') as number;
    expect(free).toBeGreaterThan(0);
    expect(samples.get('weightfold_data_size_bytes{}')).toBeGreaterThan(free);
  });
});

describe('/metrics of a worker', () => {
  it('tells how long steps took by phase, what they read and wrote, and why they failed', async () => {
    const samples = await ofWorker();
    for (const phase of ['basis', 'fold', 'evaluate', 'publish'])
      expect([
        phase,
        samples.get(`weightfold_step_duration_seconds_count{phase="${phase}",outcome="succeeded"}`),
      ]).toEqual([phase, expect.any(Number)]);
    expect(sum(samples, /^weightfold_step_failures_total\{code="weights_not_finite"/)).toBe(1);
    expect(sum(samples, /^weightfold_step_wait_seconds_count/)).toBeGreaterThan(4);
    expect(samples.get('weightfold_worker_running_steps{}')).toBe(0);
    expect(sum(samples, /^weightfold_worker_info/)).toBe(1);
    if (process.platform !== 'linux') return;
    for (const name of ['read', 'written'])
      expect(sum(samples, new RegExp(`^weightfold_step_${name}_bytes_total`))).toBeGreaterThan(500);
    for (const name of ['peak', 'resident'])
      expect(samples.get(`weightfold_compute_${name}_memory_bytes{}`)).toBeGreaterThan(1e7);
  });

  it('count every code a job can fail with from zero, so that a first failure is an increase', async () => {
    const rows = (await readFile('docs/errors.md', 'utf8')).matchAll(/^\|([^|]+)\|[^|]*\bjob\b[^|]*\|/gm);
    const codes = [...rows].flatMap(([, cell]) => [...cell.matchAll(/`(\w+)`/g)].map(([, code]) => code));
    const failures = /^weightfold_step_failures_total\{code="(\w+)"/;
    const counted = [...(await ofWorker()).keys()].flatMap((name) => failures.exec(name)?.[1] ?? []);
    expect(codes).toContain('worker_crashed');
    expect(counted.sort()).toEqual(codes.sort());
  });

  it('are all there is', async () => {
    expect((await fetch(workerMetrics.replace('metrics', 'other'))).status).toBe(404);
    expect((await fetch(workerMetrics, { method: 'POST' })).status).toBe(404);
  });
});

describe('the Grafana dashboard and the alerts', () => {
  it('ask for metrics that exist, the dashboard for all of weightfold’s own', async () => {
    const text = await readFile('deploy/grafana/weightfold.json', 'utf8');
    const dashboard = JSON.parse(text) as { panels: { targets?: { expr: string }[] }[] };
    const queries = dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr));
    const named = (query: string) => query.match(/\b(?:weightfold|process|nodejs)_\w+/g) ?? [];
    const asked = new Set(queries.flatMap(named));
    const alerts = named(await readFile('deploy/prometheus/alerts.yml', 'utf8'));
    expect(alerts).toContain('weightfold_queue_up');
    const exposed = [(await service.http.get('/metrics')).text, await (await fetch(workerMetrics)).text()].join('\n');
    const families = [...exposed.matchAll(/^# TYPE (\w+) (\w+)$/gm)].flatMap(([, name, type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    );
    // Only of workers with a GPU.
    const gpu = 'weightfold_device_memory_bytes';
    expect([...asked, ...alerts].filter((name) => !families.includes(name) && name !== gpu)).toEqual([]);
    const own = families.filter((name) => name.startsWith('weightfold_') && !/_(sum|count|info)$/.test(name));
    expect(own.filter((name) => !asked.has(name))).toEqual([]);
  });
});
