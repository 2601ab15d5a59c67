import { execFile } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCheckpoint, randomChain } from '../support/checkpoint.js';
import { eventually } from '../support/patience.js';
import { startService, type TestService, upload, waitForEnd } from '../support/service.js';
import { subfolder, temporaryFolder } from '../support/temporary.js';

interface Span {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  service: string;
  startTimeUnixNano: string;
  endTimeUnixNano: string;
  attributes: { key: string; value: { stringValue?: string; intValue?: number } }[];
  status: { code?: number; message?: string };
}
interface Export {
  resourceSpans: {
    resource: { attributes: Span['attributes'] };
    scopeSpans: { spans: Omit<Span, 'service'>[] }[];
  }[];
}

const root = temporaryFolder();
const spans: Span[] = [];
const CALLER = { trace: '0af7651916cd43dd8448eb211c80319c', span: 'b7ad6b7169203331' };
let service: TestService;

/** What a collector does with OTLP over HTTP, in JSON. */
const receiver = http.createServer((request, reply) => {
  const chunks: Buffer[] = [];
  request
    .on('data', (chunk) => chunks.push(chunk))
    .on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as Export;
      for (const { resource, scopeSpans } of resourceSpans) {
        const name = resource.attributes.find(({ key }) => key === 'service.name')?.value.stringValue ?? '';
        for (const span of scopeSpans.flatMap((scope) => scope.spans)) spans.push({ ...span, service: name });
      }
      reply.setHeader('content-type', 'application/json').end('{}');
    });
});

const attribute = ({ attributes }: Span, key: string) => {
  const value = attributes.find((entry) => entry.key === key)?.value;
  return value?.stringValue ?? value?.intValue;
};
const ofJob = (id: string) => spans.filter((span) => attribute(span, 'weightfold.job.id') === id);

async function submit(...checkpoints: string[]): Promise<string> {
  const layers = [{ weight: 'layers.0.weight', width: 4 }, { weight: 'layers.1.weight' }];
  const spec = { sources: checkpoints.map((checkpoint) => ({ checkpoint })), model: { family: 'chain', layers } };
  const { body } = await service.http
    .post('/v1/jobs')
    .set('traceparent', `00-${CALLER.trace}-${CALLER.span}-01`)
    .send(spec)
    .expect(202);
  await waitForEnd(service.http, body.id);
  return body.id as string;
}

beforeAll(async () => {
  await once(receiver.listen(0, '127.0.0.1'), 'listening');
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  process.env.OTEL_BSP_SCHEDULE_DELAY = '100';
  service = await startService(subfolder(root));
  const good = randomChain([5, 4, 3], 1);
  const values = Float64Array.from(good[1].values).fill(Number.NaN, 3, 4);
  await upload(service.http, 'a', await makeCheckpoint(subfolder(root), good));
  await upload(service.http, 'nan', await makeCheckpoint(subfolder(root), [good[0], { ...good[1], values }]));
});
afterAll(async () => {
  await service?.close();
  receiver.close();
  delete process.env.OTEL_EXPORTER_OTLP_ENDPOINT;
  delete process.env.OTEL_BSP_SCHEDULE_DELAY;
});

describe('a trace', () => {
  it('joins the caller, the submission, and the wait and run of each step', async () => {
    const id = await submit('a', 'a');
    const steps = (await service.services.store.record(id))?.plan.steps.map((step) => step.id) ?? [];
    const names = steps.flatMap((step) => [`step ${step}`, `wait ${step}`]).sort();
    await eventually(() => ofJob(id).length >= names.length);
    const found = ofJob(id);
    expect(found.map(({ name }) => name).sort()).toEqual(names);
    const submission = spans.find(({ spanId }) => spanId === found[0].parentSpanId);
    expect(submission).toMatchObject({
      name: 'POST /v1/jobs',
      service: 'weightfold-api',
      traceId: CALLER.trace,
      parentSpanId: CALLER.span,
    });
    for (const span of found) {
      expect([span.traceId, span.parentSpanId, span.service]).toEqual([
        CALLER.trace,
        submission?.spanId,
        'weightfold-worker',
      ]);
      expect(BigInt(span.endTimeUnixNano)).toBeGreaterThanOrEqual(BigInt(span.startTimeUnixNano));
    }
    const publish = found.find(({ name }) => name === 'step publish');
    expect(publish && attribute(publish, 'weightfold.step.phase')).toBe('publish');
  });

  it('says why a step failed', async () => {
    const id = await submit('a', 'nan');
    await eventually(() => ofJob(id).some(({ status }) => status.code === 2));
    const failed = ofJob(id).find(({ status }) => status.code === 2);
    expect(failed?.status.message).toBe('weights_not_finite');
    expect(failed && attribute(failed, 'error.type')).toBe('weights_not_finite');
  });

  it('holds nothing of health checks', () => {
    expect(spans.filter(({ name }) => /healthz|readyz|docs/.test(name))).toEqual([]);
  });
});

describe('without an endpoint', () => {
  it('nothing of OpenTelemetry’s SDK is loaded', async () => {
    const program = (name: string) => JSON.stringify(pathToFileURL(`dist/${name}`).href);
    const script = `
      import { createRequire } from 'node:module';
      await import(${program('src/api/server.js')});
      await import(${program('workers/trace-steps.js')});
      const { loadTracing } = await import(${program('src/tracing/load-tracing.js')});
      const off = [await loadTracing('x', {}), await loadTracing('x', { OTEL_SDK_DISABLED: 'true', OTEL_EXPORTER_OTLP_ENDPOINT: 'http://x' })];
      const sdk = () => Object.keys(createRequire(process.argv[1] + '/x').cache).filter((file) => /@opentelemetry.(sdk|exporter|core|otlp)/.test(file)).length;
      const before = sdk();
      const on = await loadTracing('x', { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1' });
      console.log(JSON.stringify([off, before, sdk() > 0, typeof on.start]));
      process.exit(0);`;
    const args = ['--input-type=module', '-e', script, process.cwd()];
    const { OTEL_EXPORTER_OTLP_ENDPOINT: _, ...env } = process.env;
    const { stdout } = await promisify(execFile)(process.execPath, args, { env });
    expect(JSON.parse(stdout)).toEqual([[null, null], 0, true, 'function']);
  });
});
