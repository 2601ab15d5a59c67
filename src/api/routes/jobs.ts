import { createHash } from 'node:crypto';
import type { FastifyReply } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { SpecError } from '../../errors.js';
import { jobId } from '../../schemas/common.js';
import { JOB_SPEC_EXAMPLES } from '../../schemas/examples.js';
import { isTerminal, type Job, JobListSchema, JobSchema, JobStatusSchema } from '../../schemas/job.js';
import { JobSpecSchema } from '../../schemas/job-spec.js';
import { PlanSchema } from '../../schemas/plan.js';
import { requestHeaders } from '../plugins/operation-extras.js';
import { preferredWait } from '../prefer.js';
import { problemResponses } from '../problem-responses.js';
import { matches } from '../range.js';
import type { Services } from '../services.js';

/** Seconds a client should wait between polls. */
const POLL_SECONDS = 1;
/** Longest `Prefer: wait`: proxies give up on requests after a minute or more. */
const MOST_WAIT_SECONDS = 60;

const IdParams = z.object({ id: jobId });
const LABEL_PREFIX = 'label.';

const ListQuery = z
  .object({
    status: JobStatusSchema.optional(),
    created_after: z.iso
      .datetime({ offset: true, error: 'must be a time such as 2026-01-31T12:00:00Z; "+" is written %2B in a query' })
      .optional()
      .describe('RFC 3339 time.'),
    after: jobId.optional().describe('Last id of the page before.'),
    limit: z.coerce.number().int().min(1).max(100).default(20),
    order: z.enum(['asc', 'desc']).default('desc').describe('By creation time.'),
  })
  .catchall(z.string());

/** Free names are beyond what a query schema says in OpenAPI: an exploded object. */
const LABEL_FILTER = {
  in: 'query',
  name: 'labels',
  description: '`label.KEY=VALUE` keeps jobs with that label; several must all hold.',
  style: 'form',
  explode: true,
  schema: {
    type: 'object',
    propertyNames: { pattern: '^label\\..+$' },
    additionalProperties: { type: 'string' },
    examples: [{ 'label.team': 'pretraining' }],
  },
};

/** Only `label.KEY` may stand beside the named parameters. */
function labelsOf(query: Record<string, unknown>): Record<string, string> {
  const extra = Object.entries(query).filter(([key]) => !Object.hasOwn(ListQuery.shape, key));
  const wrong = extra.find(([key]) => !key.startsWith(LABEL_PREFIX) || key.length === LABEL_PREFIX.length);
  if (wrong)
    throw new SpecError(
      'query_invalid',
      `Unknown query parameter "${wrong[0]}"; filter by label with label.KEY=VALUE.`,
    );
  return Object.fromEntries(extra.map(([key, value]) => [key.slice(LABEL_PREFIX.length), String(value)]));
}

/** Pollers of one job share its text: made once per state it is seen in. */
const representations = new WeakMap<Job, { text: string; etag?: string }>();

function representationOf(job: Job): { text: string; etag?: string } {
  const known = representations.get(job);
  if (known) return known;
  const made = { text: JSON.stringify(job) };
  representations.set(job, made);
  return made;
}

function etagOf(job: Job): string {
  const made = representationOf(job);
  made.etag ??= `"${createHash('sha256').update(made.text).digest('base64url')}"`;
  return made.etag;
}

/** Hold a reply back until a job has ended, for so many seconds at most; not for a client that has gone. */
async function waitForEnd({ jobs }: Services, id: string, seconds: number, reply: FastifyReply): Promise<Job> {
  const gone = new AbortController();
  const abort = () => gone.abort();
  reply.raw.once('close', abort);
  if (reply.raw.destroyed) abort();
  await jobs.feeds.untilEnded(id, seconds * 1000, gone.signal);
  reply.raw.off('close', abort);
  return jobs.get(id);
}

/** A page of the list is its jobs, each as it is. */
function listTag(data: readonly Job[], hasMore: boolean): string {
  const hash = createHash('sha256').update(String(hasMore));
  for (const job of data) hash.update(etagOf(job));
  return `"${hash.digest('base64url')}"`;
}

/** As text that was made before: a schema's serializer would walk the whole spec once more. */
const sendJob = (reply: FastifyReply, job: Job) =>
  reply
    .type('application/json')
    .serializer(() => representationOf(job).text)
    .send(job);

export const jobRoutes =
  (services: Services): FastifyPluginAsyncZod =>
  async (app) => {
    const { jobs } = services;
    app.post('/jobs', {
      config: { scope: 'submit' },
      schema: {
        tags: ['jobs'],
        summary: 'Submit a merge',
        operationId: 'submitJob',
        description: 'Planned from the sources’ headers at once: a spec that cannot succeed is refused here.',
        headers: z.object({
          'idempotency-key': z
            .string()
            .min(1)
            .max(255)
            .optional()
            .describe('The same key with the same body gives the same job; with another body 422.'),
          prefer: z
            .string()
            .optional()
            .describe(
              '`wait=SECONDS` (RFC 7240) holds the reply until the job has ended, for so long at most; longer than ' +
                `${MOST_WAIT_SECONDS} counts as ${MOST_WAIT_SECONDS}, and what is not a number of seconds is ignored. ` +
                'The reply’s `Preference-Applied` says what counted.',
            ),
        }),
        body: JobSpecSchema,
        response: { 202: JobSchema, ...problemResponses(400, 410, 413, 415, 422, 429, 502, 507) },
        'x-weightfold': { headers: { 202: ['location'] }, bodyExamples: JOB_SPEC_EXAMPLES },
      },
      handler: async (request, reply) => {
        const { 'idempotency-key': key, prefer } = request.headers;
        const wait = preferredWait(prefer, MOST_WAIT_SECONDS);
        const submitted = await jobs.submit(request.body, { idempotencyKey: key, trace: request.span?.context });
        const job = wait === undefined ? submitted : await waitForEnd(services, submitted.id, wait, reply);
        if (wait !== undefined) reply.header('preference-applied', `wait=${wait}`);
        return sendJob(reply.code(202).header('location', `/v1/jobs/${job.id}`), job);
      },
    });

    app.post('/jobs/plan', {
      config: { scope: 'submit', changesNothing: true },
      schema: {
        tags: ['jobs'],
        summary: 'Plan a merge without running it',
        operationId: 'planJob',
        description: 'Shapes, spaces, legality, files, bytes, memory and flops; reads headers, never weights.',
        body: JobSpecSchema,
        response: { 200: PlanSchema, ...problemResponses(400, 413, 415, 422, 502) },
        'x-weightfold': { bodyExamples: JOB_SPEC_EXAMPLES },
      },
      // Bytes as they were made: no schema walks over the plan of a hundred thousand tensors.
      handler: async (request, reply) => reply.type('application/json').send((await jobs.plan(request.body)) as never),
    });

    app.get('/jobs', {
      config: { scope: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'List jobs',
        operationId: 'listJobs',
        description: 'Carries an ETag (If-None-Match gives 304): pages that poll load only what has changed.',
        querystring: ListQuery,
        response: { 200: JobListSchema, 304: z.undefined().describe('Unchanged.'), ...problemResponses(400, 422) },
        'x-weightfold': {
          headers: { 200: ['etag'] },
          parameters: [LABEL_FILTER, ...requestHeaders('if-none-match')],
        },
      },
      handler: async (request, reply) => {
        const { status, created_after: createdAfter, after, limit, order } = request.query;
        const { data, hasMore } = await jobs.list({
          status,
          createdAfter,
          after,
          limit,
          order,
          labels: labelsOf(request.query),
        });
        const etag = listTag(data, hasMore);
        reply.header('etag', etag).header('cache-control', 'no-cache');
        if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
        const page = { first_id: data[0]?.id ?? null, last_id: data.at(-1)?.id ?? null, has_more: hasMore };
        const texts = data.map((job) => representationOf(job).text).join(',');
        return reply
          .type('application/json')
          .serializer(() => `{"object":"list","data":[${texts}],${JSON.stringify(page).slice(1)}`)
          .send({ object: 'list' as const, data, ...page });
      },
    });

    app.get('/jobs/:id', {
      config: { scope: 'read' },
      schema: {
        tags: ['jobs'],
        summary: 'Status of a job',
        operationId: 'getJob',
        description: 'Carries an ETag (If-None-Match gives 304) and, while the job has not ended, Retry-After.',
        params: IdParams,
        response: { 200: JobSchema, 304: z.undefined().describe('Unchanged.'), ...problemResponses(400, 404, 410) },
        'x-weightfold': {
          headers: { 200: ['etag', 'retry-after'] },
          parameters: requestHeaders('if-none-match'),
        },
      },
      handler: async (request, reply) => {
        const job = await jobs.get(request.params.id);
        const etag = etagOf(job);
        reply.header('etag', etag).header('cache-control', 'no-cache');
        if (!isTerminal(job.status)) reply.header('retry-after', POLL_SECONDS);
        if (matches(request.headers['if-none-match'], etag)) return reply.code(304).send();
        return sendJob(reply, job);
      },
    });

    app.post('/jobs/:id/cancel', {
      config: { scope: 'submit' },
      schema: {
        tags: ['jobs'],
        summary: 'Cancel a job',
        operationId: 'cancelJob',
        description: 'Idempotent. A running job stops within a second; one that ended stays as it is.',
        params: IdParams,
        response: { 202: JobSchema, ...problemResponses(400, 404, 410) },
      },
      handler: async (request, reply) => sendJob(reply.code(202), await jobs.cancel(request.params.id)),
    });

    app.post('/jobs/:id/retry', {
      config: { scope: 'submit' },
      schema: {
        tags: ['jobs'],
        summary: 'Run a finished job again',
        operationId: 'retryJob',
        description: 'Gives a new job with the same spec, whose `retry_of` names the old one.',
        params: IdParams,
        response: { 202: JobSchema, ...problemResponses(400, 404, 409, 410, 422, 429, 502, 507) },
        'x-weightfold': { headers: { 202: ['location'] } },
      },
      handler: async (request, reply) => {
        const job = await jobs.retry(request.params.id, request.span?.context);
        return sendJob(reply.code(202).header('location', `/v1/jobs/${job.id}`), job);
      },
    });

    app.delete('/jobs/:id', {
      config: { scope: 'admin' },
      schema: {
        tags: ['jobs'],
        summary: 'Delete a finished job and its artifacts',
        operationId: 'deleteJob',
        params: IdParams,
        response: { 204: z.undefined().describe('Deleted.'), ...problemResponses(400, 404, 409) },
      },
      handler: async (request, reply) => {
        await jobs.delete(request.params.id);
        return reply.code(204).send();
      },
    });
  };
