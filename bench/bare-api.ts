import { randomUUID } from 'node:crypto';
import { mkdir, readFile, rename, stat } from 'node:fs/promises';
import path from 'node:path';
import { FlowProducer } from 'bullmq';
import Fastify from 'fastify';
import { loadConfig } from '../src/config.js';
import { newJobId } from '../src/jobs/ids.js';
import { initialState, type JobHead } from '../src/jobs/record.js';
import { createLogger } from '../src/log.js';
import { EmbeddedRedis } from '../src/queue/embedded-redis.js';
import { connectRedis } from '../src/queue/redis.js';
import { QUEUE_PREFIX } from '../src/queue/settings.js';
import { MERGE_JOB, mergeOptions, stepJobs } from '../src/queue/step-jobs.js';
import type { Job } from '../src/schemas/job.js';
import type { Plan } from '../src/schemas/plan.js';
import { writeSynced } from '../src/store/files.js';

// Usage: node dist/bench/bare-api.js TEMPLATE, with PORT and DATA_DIR as for the service.
// What nobody could leave out: Fastify and BullMQ doing the queue and record operations of the service, of a job whose
// record and reply were made beforehand. No schemas, no plan, no checks, no headers, no metrics.
const config = loadConfig();
const log = createLogger(config, 'bare');
const template = JSON.parse(await readFile(process.argv[2], 'utf8')) as { record: JobHead; plan: Plan; job: Job };
const steps = template.record.steps.length;
const jobs = path.join(config.DATA_DIR, 'jobs');
await mkdir(jobs, { recursive: true });
const redis = new EmbeddedRedis(config, log);
await redis.start();
const connection = connectRedis(config, false, () => {});
await connection.ping();
const flows = new FlowProducer({ connection, prefix: QUEUE_PREFIX });
const replies = new Map<string, string>();

const app = Fastify({ logger: true, genReqId: () => randomUUID() });
app.post('/v1/jobs', async (_request, reply) => {
  const id = newJobId();
  const record = { ...template.record, id, created_at: new Date().toISOString() };
  const folder = path.join(jobs, id);
  await mkdir(`${folder}.tmp`);
  await Promise.all([
    writeSynced(path.join(`${folder}.tmp`, 'record.json'), JSON.stringify(record)),
    writeSynced(path.join(`${folder}.tmp`, 'plan.json'), JSON.stringify(template.plan)),
    writeSynced(path.join(`${folder}.tmp`, 'state.json'), JSON.stringify(initialState(steps))),
  ]);
  await rename(`${folder}.tmp`, folder);
  await flows.add({
    ...MERGE_JOB,
    data: { id },
    opts: mergeOptions(record),
    children: stepJobs(record, new Set()),
  });
  const text = JSON.stringify({ ...template.job, id, created_at: record.created_at });
  replies.set(id, text);
  return reply.code(202).type('application/json').send(text);
});
app.get<{ Params: { id: string } }>('/v1/jobs/:id', async ({ params: { id } }, reply) => {
  await stat(path.join(jobs, id));
  return reply.type('application/json').send(replies.get(id));
});
app.get('/readyz', async () => 'ok');
await app.listen({ host: config.HOST, port: config.PORT });

process.on('SIGTERM', async () => {
  await app.close();
  await flows.close();
  connection.disconnect();
  await redis.stop();
  process.exit(0);
});
