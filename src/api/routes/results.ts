import path from 'node:path';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { FastifyPluginAsyncZod } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ConflictError, NotFoundError, WeightfoldError } from '../../errors.js';
import { METRICS_FILE, REPORT_FILE } from '../../jobs/artifact-files.js';
import { artifactDamaged, type Manifest, readManifest } from '../../jobs/manifest.js';
import { findArtifact, readKept } from '../../jobs/stored-artifacts.js';
import { metricsCsv } from '../../report/metrics-csv.js';
import { jobId, modelFileName } from '../../schemas/common.js';
import { ArtifactListSchema } from '../../schemas/job.js';
import { type AnyMetrics, MetricsSchema } from '../../schemas/metrics.js';
import { type OperationExtras, requestHeaders } from '../plugins/operation-extras.js';
import { problemResponses } from '../problem-responses.js';
import { preconditionFailed, selectPart } from '../range.js';
import type { Services } from '../services.js';

const IdParams = z.object({ id: jobId });
const FileParams = z.object({ id: jobId, file: modelFileName });

const CONTENT_TYPES: Record<string, string> = {
  '.json': 'application/json',
  '.csv': 'text/csv; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.txt': 'text/plain; charset=utf-8',
  '.md': 'text/markdown; charset=utf-8',
};
const OTHER_TYPE = 'application/octet-stream';
const contentType = (file: string) => CONTENT_TYPES[path.extname(file)] ?? OTHER_TYPE;

/** Every type that a file is sent with, for the contract. */
const FILE_CONTENT = Object.fromEntries(
  [OTHER_TYPE, ...Object.values(CONTENT_TYPES)].map((type) => {
    const [media] = type.split(';');
    return [media, { schema: media.startsWith('text/') ? z.string() : z.any() }];
  }),
);

/** A file as it stands: it is known to be what was published. */
const sendText = (reply: FastifyReply, file: string, text: string) =>
  reply
    .header('content-type', contentType(file))
    .serializer(() => text)
    .send(text);

/** Published artifacts of a job. @throws ConflictError until it succeeded; WeightfoldError `artifact_damaged` */
async function published({ jobs, store }: Services, id: string): Promise<{ folder: string; manifest: Manifest }> {
  const { status } = await jobs.get(id);
  if (status !== 'succeeded')
    throw new ConflictError('job_not_succeeded', `Job ${id} is ${status}; it has results once it has succeeded.`);
  const folder = store.files(id).artifacts;
  const manifest = await readManifest(folder);
  if (manifest) return { folder, manifest };
  await jobs.get(id); // deleted meanwhile?
  throw artifactDamaged(`The result of job ${id}`, 'the list of its files is missing');
}

export const resultRoutes =
  (services: Services): FastifyPluginAsyncZod =>
  async (app) => {
    app.get('/jobs/:id/metrics', {
      config: { scope: 'read' },
      schema: {
        tags: ['results'],
        summary: 'Error metrics of a succeeded job',
        operationId: 'getMetrics',
        params: IdParams,
        querystring: z.strictObject({
          format: z
            .enum(['json', 'csv'])
            .default('json')
            .describe('csv: one line per tensor (of a comparison: per method and width).'),
        }),
        response: {
          200: {
            description: 'The metrics.',
            content: { 'application/json': { schema: MetricsSchema }, 'text/csv': { schema: z.string() } },
          },
          ...problemResponses(400, 404, 409, 410),
        },
      },
      handler: async (request, reply) => {
        const { folder, manifest } = await published(services, request.params.id);
        const text = await readKept(folder, METRICS_FILE, manifest);
        if (request.query.format === 'csv')
          return reply.header('content-type', 'text/csv').send(metricsCsv(JSON.parse(text) as AnyMetrics));
        return sendText(reply, METRICS_FILE, text);
      },
    });

    app.get('/jobs/:id/artifacts', {
      config: { scope: 'read' },
      schema: {
        tags: ['results'],
        summary: 'Files of a succeeded job',
        operationId: 'listArtifacts',
        params: IdParams,
        response: { 200: ArtifactListSchema, ...problemResponses(400, 404, 409, 410) },
      },
      handler: async (request) => {
        const { id } = request.params;
        const { manifest } = await published(services, id);
        const data = Object.entries(manifest).map(([file, { size, sha256 }]) => ({
          file,
          size,
          sha256,
          content_type: contentType(file),
          url: `/v1/jobs/${id}/artifacts/${encodeURIComponent(file)}`,
        }));
        return { object: 'list' as const, data: data.sort((a, b) => (a.file < b.file ? -1 : 1)) };
      },
    });

    app.get('/jobs/:id/report', {
      config: { scope: 'read' },
      schema: {
        tags: ['results'],
        summary: 'Report with plots',
        operationId: 'getReport',
        description: 'One page without scripts that requests nothing else.',
        params: IdParams,
        response: {
          200: { description: 'The page.', content: { 'text/html': { schema: z.string() } } },
          ...problemResponses(400, 404, 409, 410),
        },
      },
      handler: async (request, reply) => {
        const { id } = request.params;
        const { folder, manifest } = await published(services, id);
        if (!Object.hasOwn(manifest, REPORT_FILE))
          throw new NotFoundError('artifact_not_found', `Job ${id} has no report: it ran before merges had one.`);
        const text = await readKept(folder, REPORT_FILE, manifest);
        reply.header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'");
        return sendText(reply, REPORT_FILE, text);
      },
    });

    const download = {
      tags: ['results'],
      description: 'Supports Range, If-Range, If-Match and If-None-Match; the ETag is the file’s SHA-256.',
      params: FileParams,
      response: {
        200: { description: 'The file, with the type that the list of files states.', content: FILE_CONTENT },
        206: { description: 'The asked part.', content: FILE_CONTENT },
        304: z.undefined().describe('Unchanged.'),
        ...problemResponses(400, 404, 409, 410, 412, 416),
      },
      'x-weightfold': {
        headers: { 200: ['etag', 'repr-digest'], 206: ['etag', 'repr-digest', 'content-range'] },
        parameters: requestHeaders('range', 'if-range', 'if-match', 'if-none-match'),
      } satisfies OperationExtras,
    };
    app.get('/jobs/:id/artifacts/:file', {
      config: { scope: 'read' },
      exposeHeadRoute: false,
      schema: { ...download, summary: 'Download a file', operationId: 'getArtifact' },
      handler: async (request, reply) => sendArtifact(services, request.params, request, reply),
    });
    app.head('/jobs/:id/artifacts/:file', {
      config: { scope: 'read', swagger: { exposeHeadRoute: true } },
      schema: { ...download, summary: 'Size and hash of a file', operationId: 'headArtifact' },
      handler: async (request, reply) => sendArtifact(services, request.params, request, reply),
    });
  };

async function sendArtifact(
  services: Services,
  { id, file }: z.infer<typeof FileParams>,
  request: FastifyRequest,
  reply: FastifyReply,
) {
  const { folder, manifest } = await published(services, id);
  if (!Object.hasOwn(manifest, file)) throw new NotFoundError('artifact_not_found', `Job ${id} has no file "${file}".`);
  const { size, sha256 } = manifest[file];
  const found = await findArtifact(services.store.artifacts, folder, file, manifest);
  const etag = `"${sha256}"`;
  reply
    .header('accept-ranges', 'bytes')
    .header('etag', etag)
    .header('repr-digest', `sha-256=:${Buffer.from(sha256, 'hex').toString('base64')}:`)
    .header('cache-control', 'no-cache');
  const part = selectPart(request.headers, size, etag);
  if (part.status === 304) return reply.code(304).send();
  if (part.status === 412) throw preconditionFailed(`File "${file}" of job ${id} has the ETag ${etag}.`);
  if (part.status === 416) {
    reply.header('content-range', `bytes */${size}`);
    throw new WeightfoldError(`The range lies outside the file, which has ${size} bytes.`, {
      code: 'range_not_satisfiable',
      status: 416,
    });
  }
  const [start, end] = part.status === 206 ? [part.start, part.end] : [0, size - 1];
  const wanted = request.method !== 'HEAD' && size > 0;
  // A client that has gone meanwhile closes nothing any more.
  if (wanted && !reply.raw.destroyed) {
    const { downloads } = services.jobs;
    downloads.begin(id);
    reply.raw.once('close', () => downloads.end(id));
  }
  // Opened before the headers describe it: a store that does not answer gives a problem instead.
  const body = wanted ? await found.read({ start, end }) : undefined;
  if (part.status === 206) reply.header('content-range', `bytes ${start}-${end}/${size}`);
  reply
    .code(part.status)
    .header('content-type', contentType(file))
    .header('content-disposition', `attachment; filename="${file}"`)
    .header('content-length', end - start + 1)
    .serializer((payload: unknown) => payload as string);
  if (!body) return reply.send();
  return reply.send(body);
}
